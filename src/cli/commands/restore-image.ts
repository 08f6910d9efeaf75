/** `restat restore` of an image: to a file, a block device or standard output. */
import { performance } from 'node:perf_hooks';
import type { SnapshotReader } from '../../repository/repository.js';
import { ImageContent, pipeImage, restoreImage } from '../../restore/image.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import { formatSnapshot } from '../../snapshot/names.js';
import type { Invocation } from '../command.js';
import { type Context, outputFormat, printJson } from '../context.js';
import { ExitCode } from '../errors.js';
import { formatBytes, formatDuration } from '../output/human.js';
import { progressMode } from '../output/progress.js';
import { Reporter } from '../output/reporter.js';

/** Restores the image to `target`, `-` for standard output; the exit code. */
export async function runImageRestore(
  snapshot: SnapshotReader,
  name: ServerName,
  target: string,
  invocation: Invocation,
  context: Context,
): Promise<number> {
  const format = outputFormat(invocation, context);
  const image = await ImageContent.open(snapshot, name);
  const reporter = new Reporter(context, progressMode(invocation, context));
  const started = performance.now();
  const total = { bytes: image.size, files: undefined };
  const onProgress = (bytes: number): void =>
    reporter.progress({ archive: name, bytes, files: 0, path: '', total });
  const options = { signal: context.signal, onProgress };
  try {
    if (target === '-') await pipeImage(image, context.stdout, options);
    else await restoreImage(image, target, options);
    const seconds = (performance.now() - started) / 1000;
    const rate = formatBytes(Math.round(image.size / Math.max(seconds, 0.001)));
    const work = `${formatBytes(image.size)} processed in ${formatDuration(seconds)}, average ${rate}/s`;
    const duration = Number(seconds.toFixed(3));
    const json = { snapshot: formatSnapshot(snapshot.snapshot), archive: name, duration, bytes: image.size };
    reporter.summary([`restore complete (${work})`], json);
    if (format !== 'text' && target !== '-') printJson(context, format, json);
    return ExitCode.done;
  } finally {
    reporter.stop();
  }
}
