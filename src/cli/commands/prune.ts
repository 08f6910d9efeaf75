/** `restat prune`: deletes snapshots of a group that no keep option keeps. */
import { prune } from '../../maintenance/prune.js';
import type { KeepOptions, PruneDecision } from '../../repository/management.js';
import { formatSnapshot } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  type OptionSpec,
  optionFlag,
  optionNumber,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode } from '../errors.js';
import { formatLocalTime } from '../output/human.js';
import type { Json } from '../output/json.js';
import type { Column } from '../output/table.js';
import { changedRepository, commandNamespace, lockWait } from '../repository.js';
import { groupOf, groupPositional } from './words.js';

const PATH = ['prune'];
const PERIODS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

const columns: readonly Column<PruneDecision>[] = [
  { header: 'snapshot', value: ({ snapshot }) => formatSnapshot(snapshot) },
  { header: 'date', align: 'right', value: ({ snapshot }) => formatLocalTime(snapshot.time) },
  { header: 'action', align: 'right', value: ({ keep }) => (keep ? 'keep' : 'remove') },
];

function decisionJson({ snapshot, ...rest }: PruneDecision): Json {
  return {
    'backup-type': snapshot.type,
    'backup-id': snapshot.id,
    'backup-time': snapshot.time,
    ...rest,
  };
}

function keepOptions(invocation: Invocation): KeepOptions {
  const given = PERIODS.map((period) => [period, optionNumber(invocation, `keep-${period}`)] as const);
  return Object.fromEntries(given.filter(([, count]) => count !== undefined));
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const group = groupOf(invocation, PATH);
  const repository = await changedRepository(invocation, context);
  const decisions = await prune(
    repository,
    commandNamespace(invocation, context),
    group,
    keepOptions(invocation),
    { ...lockWait(invocation, context), dryRun: optionFlag(invocation, 'dry-run') },
  );
  const shown = optionFlag(invocation, 'quiet') ? decisions.filter(({ keep }) => !keep) : decisions;
  printTable(context, format, shown.map(decisionJson), columns, shown);
  return ExitCode.done;
}

function keepOption(description: string): OptionSpec {
  return { type: 'integer', minimum: 1, placeholder: 'N', description };
}

export const pruneCommand: CommandSpec = {
  path: PATH,
  description: 'Delete snapshots of a group that no keep option keeps. Without any, all stay.',
  positionals: [groupPositional],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    ...lockOptions,
    'keep-last': keepOption('keep the N newest'),
    'keep-hourly': keepOption('keep the newest of each of the last N hours that have one'),
    'keep-daily': keepOption('keep the newest of each of the last N days that have one'),
    'keep-weekly': keepOption('keep the newest of each of the last N weeks that have one'),
    'keep-monthly': keepOption('keep the newest of each of the last N months that have one'),
    'keep-yearly': keepOption('keep the newest of each of the last N years that have one'),
    'dry-run': { type: 'boolean', description: 'only show what would be done' },
    quiet: { type: 'boolean', description: 'show only what is removed' },
  },
  run,
};
