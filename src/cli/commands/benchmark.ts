/** `restat benchmark`: speeds of this machine, beside those of a reference machine. cli.md §4.3. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { ENCRYPTION_KEY_BYTES } from '../../keys/encryption-key.js';
import type { UploadSpeed } from '../../repository/repository.js';
import { backupTime } from '../../snapshot/names.js';
import { type CommandSpec, formatOptions, type Invocation, keyOptions, serverOptions } from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode } from '../errors.js';
import { withCommandKey } from '../keys.js';
import type { Column } from '../output/table.js';
import { commandRepository } from '../repository.js';
import { namedRepository } from '../server-options.js';
import { measureSpeeds, type Tested } from './benchmark-speeds.js';

const MEGA = 1e6;
const UPLOAD_SECONDS = 5;

interface Row {
  readonly key: 'tls' | Tested;
  readonly title: string;
  /** In messages. */
  readonly word: string;
  /** What counts as 100 %, in MB/s. */
  readonly top: number;
}

/** In the order in which they are shown. */
const ROWS: readonly Row[] = [
  { key: 'tls', title: 'TLS (maximal backup upload speed)', word: 'TLS', top: 1235 },
  { key: 'sha256', title: 'SHA256 checksum computation speed', word: 'SHA256', top: 2022 },
  { key: 'compress', title: 'ZStd level 1 compression speed', word: 'Compression', top: 752 },
  { key: 'decompress', title: 'ZStd level 1 decompression speed', word: 'Decompress', top: 1198 },
  { key: 'verify', title: 'Chunk verification speed', word: 'Verify', top: 758 },
  { key: 'aes256_gcm', title: 'AES256 GCM encryption speed', word: 'AES256/GCM', top: 3645 },
];

function megabytes(speed: number): string {
  return `${(speed / MEGA).toFixed(2)} MB/s`;
}

/** The cell behind a title. */
export function speedText(speed: number | undefined, top: number): string {
  if (speed === undefined) return 'not tested';
  return `${megabytes(speed)} (${Math.round((speed / (top * MEGA)) * 100)}%)`;
}

/** The speed of sending to the server that is named, if one is. */
async function serverSpeed(
  invocation: Invocation,
  context: Context,
  now: () => number,
): Promise<UploadSpeed | undefined> {
  if ((await namedRepository(invocation, context))?.kind !== 'pbs') return undefined;
  const repository = await commandRepository(invocation, context);
  const time = backupTime(context.clock().seconds);
  return repository.uploadSpeed?.({ seconds: UPLOAD_SECONDS, now, signal: context.signal }, time);
}

/** `key`: 32 bytes to encrypt with. */
async function measure(invocation: Invocation, context: Context, key: Buffer): Promise<number> {
  const format = outputFormat(invocation, context);
  const { signal, stderr } = context;
  const speeds = new Map<Row['key'], number>();
  const now = (): number => performance.now() / 1000;
  const tell = (tested: Tested, speed: number): void => {
    speeds.set(tested, speed);
    stderr.write(`${ROWS.find(({ key }) => key === tested)?.word ?? tested} speed: ${megabytes(speed)}\n`);
  };
  const upload = await serverSpeed(invocation, context, now);
  if (upload !== undefined) {
    speeds.set('tls', upload.bytesPerSecond);
    const busy = `${upload.busyPerGiB.toFixed(2)} s of JavaScript for each GiB`;
    stderr.write(`TLS speed: ${megabytes(upload.bytesPerSecond)}, ${busy}\n`);
  }
  await measureSpeeds(tell, { now, scale: 1, signal, key });
  const json = ROWS.map(({ key, top }) => [key, { speed: speeds.get(key), top: top * MEGA }] as const);
  const columns: readonly Column<Row>[] = [
    { header: 'Name', value: ({ title }) => title },
    { header: 'Value', value: ({ key, top }) => speedText(speeds.get(key), top) },
  ];
  printTable(context, format, Object.fromEntries(json), columns, ROWS);
  return ExitCode.done;
}

function run(invocation: Invocation, context: Context): Promise<number> {
  return withCommandKey(invocation, context, ['benchmark'], async (keys) => {
    const key = keys.isNamed ? await keys.unlock() : undefined;
    return measure(invocation, context, key?.secret ?? randomBytes(ENCRYPTION_KEY_BYTES));
  });
}

export const benchmarkCommand: CommandSpec = {
  path: ['benchmark'],
  description:
    'Measure how fast this machine hashes, compresses, encrypts and verifies, and a server takes data.',
  positionals: [],
  options: { ...serverOptions, ...formatOptions, keyfile: keyOptions.keyfile },
  run,
};
