/** Rows that are printed while they are found: a line of text each, or the items of a JSON array. */
import type { Invocation } from '../command.js';
import { type Context, outputFormat, writeOut } from '../context.js';
import type { Json } from './json.js';
import { JsonArray } from './json-array.js';

export interface RowStyle<Row> {
  /** The line, without its end. */
  readonly text: (row: Row) => string;
  readonly json: (row: Row) => Json;
}

export interface RowOutput<Row> {
  add(row: Row): Promise<void>;
  /** Must be called after the last row. */
  end(): Promise<void>;
}

/** Prints rows in the format of the command line. Throws UsageError for a format that is none. */
export function rowOutput<Row>(
  invocation: Invocation,
  context: Context,
  { text, json }: RowStyle<Row>,
): RowOutput<Row> {
  const format = outputFormat(invocation, context);
  const write = (part: string): Promise<void> => writeOut(context, part);
  if (format === 'text') return { add: (row) => write(`${text(row)}\n`), end: () => Promise.resolve() };
  const array = new JsonArray(format === 'json-pretty', write);
  return { add: (row) => array.add(json(row)), end: () => array.end() };
}
