/** `restat status`: how full the datastore's storage is. */
import type { StorageStatus } from '../../repository/management.js';
import { type CommandSpec, formatOptions, type Invocation, serverOptions } from '../command.js';
import { type Context, outputFormat, printJson, printTable } from '../context.js';
import { ExitCode } from '../errors.js';
import type { Json } from '../output/json.js';
import type { Column } from '../output/table.js';
import { commandRepository } from '../repository.js';

/** Room for the share behind a number of bytes. cli.md §5. */
const SHARE_WIDTH = 8;

type Row = readonly [name: string, bytes: number, total: number];

function share(bytes: number, total: number): string {
  const percent = total === 0 ? 0 : Math.floor((bytes * 100) / total);
  return `(${percent} %)`.padStart(SHARE_WIDTH);
}

const columns: readonly Column<Row>[] = [
  { header: 'Name', value: ([name]) => name },
  { header: 'Value', align: 'right', value: ([, bytes, total]) => bytes + share(bytes, total) },
];

function statusJson({ total, used, available, backend }: StorageStatus): Json {
  return { total, used, avail: available, 'backend-type': backend };
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const repository = await commandRepository(invocation, context);
  const status = await repository.management().status();
  if (format !== 'text') {
    printJson(context, format, statusJson(status));
    return ExitCode.done;
  }
  const { total, used, available } = status;
  const rows: readonly Row[] = [
    ['total', total, total],
    ['used', used, total],
    ['avail', available, total],
  ];
  printTable(context, format, null, columns, rows, { header: false });
  return ExitCode.done;
}

export const statusCommand: CommandSpec = {
  path: ['status'],
  description: 'Show how much room the datastore has.',
  positionals: [],
  options: { ...serverOptions, ...formatOptions },
  run,
};
