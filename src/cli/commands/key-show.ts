/** `restat key show` and `key show-master-pubkey`: what may be known of keys. cli.md §6. */
import { KEY_FILE_LIMIT, parseKeyFile } from '../../keys/key-file.js';
import { PEM_LIMIT, parsePublicKey } from '../../keys/master-key.js';
import { readStored } from '../../keys/stored-file.js';
import type { Invocation } from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode } from '../errors.js';
import { formatLocalTime } from '../output/human.js';
import type { Json } from '../output/json.js';
import type { Cell, Column } from '../output/table.js';
import { keyPath, masterPath } from './key-places.js';

type Row = readonly [name: string, value: Cell];

const columns: readonly Column<Row>[] = [
  { header: 'Name', value: ([name]) => name },
  { header: 'Value', align: 'left', value: ([, value]) => value },
];

function printObject(
  invocation: Invocation,
  context: Context,
  json: Readonly<Record<string, Json | undefined>>,
  shown: Readonly<Record<string, string>> = {},
): number {
  const rows = Object.entries(json).flatMap(([name, value]): Row[] =>
    value === undefined ? [] : [[name, shown[name] ?? String(value)]],
  );
  printTable(context, outputFormat(invocation, context), json, columns, rows);
  return ExitCode.done;
}

/** `restat key show`; needs no password. */
export async function showKey(invocation: Invocation, context: Context): Promise<number> {
  outputFormat(invocation, context);
  const path = await keyPath(invocation, context);
  const bytes = await readStored(path, KEY_FILE_LIMIT);
  const { kdf, created, modified, fingerprint, hint, data } = parseKeyFile(bytes, path);
  for (const secret of [bytes, data]) secret.fill(0);
  // The quotes are the reference client's.
  const quoted = JSON.stringify(path);
  const json = { path: quoted, kdf: kdf?.name ?? 'none', created, modified, fingerprint, hint };
  return printObject(invocation, context, json, {
    created: formatLocalTime(created),
    modified: formatLocalTime(modified),
  });
}

/** `restat key show-master-pubkey`. */
export async function showMasterKey(invocation: Invocation, context: Context): Promise<number> {
  outputFormat(invocation, context);
  const path = await masterPath(invocation, context);
  const { modulus, exponent, bits } = parsePublicKey(await readStored(path, PEM_LIMIT), path);
  return printObject(invocation, context, { path, modulus, exponent, length: bits });
}
