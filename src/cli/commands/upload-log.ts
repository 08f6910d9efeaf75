/** `restat snapshot upload-log`: keeps a run's log with its snapshot. */
import { createReadStream } from 'node:fs';
import { CLIENT_LOG_NAME } from '../../snapshot/archive-names.js';
import { encodeBlob } from '../../snapshot/blob.js';
import {
  type CommandSpec,
  cryptOptions,
  type Invocation,
  lockOptions,
  positional,
  repositoryOptions,
} from '../command.js';
import type { Context } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { changedRepository, commandNamespace, lockWait } from '../repository.js';
import { withProtection } from '../seal.js';
import { snapshotOf, snapshotPositional } from './words.js';

const PATH = ['snapshot', 'upload-log'];
/** Longest log, in bytes. */
const LOG_MAX = 16 * 1024 * 1024;

/** The file's bytes; it may be a pipe. Throws UsageError when it is too long. */
async function readLog(path: string): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let length = 0;
  for await (const block of createReadStream(path)) {
    const bytes = Buffer.from(block);
    length += bytes.length;
    if (length > LOG_MAX) throw new UsageError(`'${path}' has more than ${LOG_MAX} bytes`, PATH);
    blocks.push(bytes);
  }
  return Buffer.concat(blocks);
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const snapshot = snapshotOf(invocation, PATH);
  const log = await readLog(positional(invocation, 'logfile'));
  const blob = await withProtection(invocation, context, PATH, async ({ seal, messages }) => {
    for (const message of messages) context.stderr.write(`${message}\n`);
    return encodeBlob(log, CLIENT_LOG_NAME, { compress: true, key: seal.encryption });
  });
  const management = (await changedRepository(invocation, context)).management();
  const wait = lockWait(invocation, context);
  await management.uploadLog(commandNamespace(invocation, context), snapshot, blob, wait);
  context.stdout.write('Result: {\n  "data": null\n}\n');
  return ExitCode.done;
}

export const uploadLogCommand: CommandSpec = {
  path: PATH,
  aliases: [['upload-log']],
  description: 'Keep the log of a run with its snapshot.',
  positionals: [snapshotPositional, { name: 'logfile', description: 'file to be kept' }],
  options: { ...repositoryOptions, ...lockOptions, ...cryptOptions },
  run,
};
