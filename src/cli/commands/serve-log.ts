/** The log of a server: a line for each event, for people or for programs. */
import type { Log } from '../../server/server-context.js';
import type { Context } from '../context.js';
import { printableLine } from '../output/printable.js';

export type LogFormat = 'text' | 'json';

type Fields = Parameters<Log>[1];

function textOf(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w.:/@!+-]+$/.test(text) ? text : printableLine(JSON.stringify(text));
}

function textLine(time: string, event: string, fields: Fields): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${textOf(value)}`],
  );
  return [time, event, ...pairs].join(' ');
}

/** Writes to standard error. */
export function serverLog({ stderr, clock }: Context, format: LogFormat): Log {
  return (event, fields) => {
    const time = new Date(clock().seconds * 1000).toISOString().replace('.000Z', 'Z');
    const line =
      format === 'json' ? JSON.stringify({ time, event, ...fields }) : textLine(time, event, fields);
    stderr.write(`${line}\n`);
  };
}
