/** `restat cat`: the content of one file of an archive. */
import { RestoreError } from '../../restore/errors.js';
import { pipeTo } from '../../restore/whole-file.js';
import {
  type CommandSpec,
  type Invocation,
  keyOptions,
  lockOptions,
  positional,
  repositoryOptions,
} from '../command.js';
import type { Context } from '../context.js';
import { ExitCode } from '../errors.js';
import { archiveArgument, snapshotArgument, withArchive } from './archive-tree.js';

function run(invocation: Invocation, context: Context): Promise<number> {
  return withArchive(['cat'], invocation, context, async (tree) => {
    const path = positional(invocation, 'path');
    const { node } = await tree.find(Buffer.from(path), true);
    const content = await tree.content(node.entry);
    if (content.kind !== 'file') throw new RestoreError('RESTORE_PATH', `'${path}': not a regular file`);
    await pipeTo({ bytes: tree.read(content), replace: false }, context.stdout, context.signal);
    return ExitCode.done;
  });
}

export const catCommand: CommandSpec = {
  path: ['cat'],
  description: 'Write the content of a file of an archive to standard output.',
  positionals: [
    snapshotArgument,
    archiveArgument,
    { name: 'path', description: 'a file in it; symbolic links are followed inside the archive' },
  ],
  options: { ...repositoryOptions, ...lockOptions, ...keyOptions },
  run,
};
