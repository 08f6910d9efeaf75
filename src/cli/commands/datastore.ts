/** `restat datastore create`. */
import { resolve } from 'node:path';
import { createStore } from '../../repository/local/store.js';
import { type CommandSpec, type Invocation, optionFlag, positional } from '../command.js';
import { ExitCode } from '../errors.js';

async function create(invocation: Invocation): Promise<number> {
  await createStore(resolve(positional(invocation, 'directory')), {
    forServer: optionFlag(invocation, 'for-server'),
  });
  return ExitCode.done;
}

export const datastoreCommands: readonly CommandSpec[] = [
  {
    path: ['datastore', 'create'],
    description: 'Make a datastore of a directory that is missing or empty.',
    positionals: [{ name: 'directory', description: 'where' }],
    options: {
      'for-server': {
        type: 'boolean',
        description: 'make all 65,536 chunk directories that a server expects; also in an existing datastore',
      },
    },
    run: create,
  },
];
