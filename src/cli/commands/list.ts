/** `restat list`: the groups of a namespace. */
import type { GroupInfo } from '../../repository/repository.js';
import { formatGroup, formatSnapshot } from '../../snapshot/names.js';
import { type CommandSpec, formatOptions, type Invocation, repositoryOptions } from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode } from '../errors.js';
import type { Column } from '../output/table.js';
import { commandNamespace, commandRepository } from '../repository.js';
import { groupJson, shortNames } from './snapshot-json.js';

const columns: readonly Column<GroupInfo>[] = [
  { header: 'group', value: ({ group }) => formatGroup(group) },
  { header: 'last snapshot', value: ({ last }) => (last === undefined ? '' : formatSnapshot(last.snapshot)) },
  { header: 'backup-count', value: ({ count }) => count },
  { header: 'files', value: ({ last }) => shortNames(last?.files ?? []) },
];

async function run(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const repository = await commandRepository(invocation, context);
  const groups = await repository.groups(commandNamespace(invocation, context));
  printTable(context, format, groups.map(groupJson), columns, groups);
  return ExitCode.done;
}

export const listCommand: CommandSpec = {
  path: ['list'],
  description: 'List the backup groups of a namespace.',
  positionals: [],
  options: { ...repositoryOptions, ...formatOptions },
  run,
};
