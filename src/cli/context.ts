/** What a command may use of the world around it: environment, streams, clock. Made once in `main.ts`. */
import { once } from 'node:events';
import type { Invocation } from './command.js';
import { optionString } from './command.js';
import { UsageError } from './errors.js';
import { type Json, toJson } from './output/json.js';
import { type Column, drawTable, type TableStyle } from './output/table.js';

export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Nanosecond-exact seconds since the epoch. */
  readonly clock: Clock;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Runs as root. */
  readonly root: boolean;
}

export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export type Clock = () => Time;

export type OutputFormat = 'text' | 'json' | 'json-pretty';

const FORMATS: ReadonlySet<string> = new Set(['text', 'json', 'json-pretty']);

function isFormat(text: string): text is OutputFormat {
  return FORMATS.has(text);
}

export function outputFormat(invocation: Invocation, context: Context): OutputFormat {
  const text = optionString(invocation, 'output-format') ?? context.env['PROXMOX_OUTPUT_FORMAT'] ?? 'text';
  if (!isFormat(text)) throw new UsageError(`output format '${text}' is none of text, json, json-pretty`);
  return text;
}

/** Prints results: a table of rows, drawn as the environment says unless `style` says more, or the JSON document. */
export function printTable<Row>(
  context: Context,
  format: OutputFormat,
  json: Json,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: Partial<TableStyle> = {},
): void {
  if (format !== 'text') {
    printJson(context, format, json);
    return;
  }
  const lines = drawTable(columns, rows, { ...tableStyle(context), ...style });
  for (const line of lines) context.stdout.write(`${line}\n`);
}

export function printJson(context: Context, format: OutputFormat, json: Json): void {
  context.stdout.write(`${toJson(json, format === 'json-pretty')}\n`);
}

function tableStyle({ env, stdout }: Context): TableStyle {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return {
    borders: env['PROXMOX_OUTPUT_NO_BORDER'] === undefined,
    header: env['PROXMOX_OUTPUT_NO_HEADER'] === undefined,
    unicode: /utf-?8/i.test(locale),
    ...(stdout.isTTY ? { width: stdout.columns } : {}),
  };
}

/** Writes results and waits where the reader is slow. Rejects when the reader has gone or the run is interrupted. */
export async function writeOut({ stdout, signal }: Context, text: string): Promise<void> {
  signal.throwIfAborted();
  if (!stdout.write(text)) await once(stdout, 'drain', { signal });
}

/** Bytes of a path as text for messages: UTF-8 where it is, control characters and other bytes escaped. */
export function printablePath(path: Buffer): string {
  const text = path.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(path) && !/[\p{Cc}\p{Cs}]/u.test(text)) return text;
  return path
    .toString('latin1')
    .replace(/[^\x20-\x7e]|\\/g, (c) =>
      c === '\\' ? '\\\\' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}
