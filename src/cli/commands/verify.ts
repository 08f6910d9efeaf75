/** `restat verify`: has a server check that snapshots can be restored. */
import type { VerifyTarget } from '../../repository/management.js';
import { parseGroup, parseSnapshot } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  optionNumber,
  positional,
  repositoryOptions,
} from '../command.js';
import type { Context } from '../context.js';
import { commandNamespace, commandRepository } from '../repository.js';
import { parseWords } from '../usage.js';
import { startedTask } from './task-follow.js';

const PATH = ['verify'];

function targetOf(text: string): VerifyTarget {
  if (text === '') return undefined;
  return parseWords(PATH, () => (text.split('/').length === 2 ? parseGroup(text) : parseSnapshot(text)));
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const target = targetOf(positional(invocation, 'target'));
  const management = (await commandRepository(invocation, context)).management();
  const outdatedAfter = optionNumber(invocation, 'outdated-after');
  const upid = await management.verify(commandNamespace(invocation, context), target, {
    ignoreVerified: invocation.options.get('ignore-verified') !== false,
    ...(outdatedAfter === undefined ? {} : { outdatedAfter }),
  });
  return startedTask(invocation, context, management.tasks, upid);
}

export const verifyCommand: CommandSpec = {
  path: PATH,
  description:
    'Have a server verify a snapshot, a group or a namespace, and follow that. JSON: only start it.',
  positionals: [
    { name: 'target', optional: true, description: 'type/id or type/id/time; else the namespace' },
  ],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    'ignore-verified': {
      type: 'boolean',
      default: 'true',
      description: 'leave out snapshots that were verified before',
    },
    'outdated-after': {
      type: 'integer',
      minimum: 0,
      placeholder: 'DAYS',
      description: 'verify again what was verified more than so many days ago',
    },
  },
  run,
};
