/** What of a process stands in the names of its tasks. rest-api.md §4.1. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly node: string;
  readonly pid: number;
  /** Clock ticks; 0 where the system does not say. */
  readonly processStart: number;
}

/** Of `/proc/PID/stat`, counted behind the name in parentheses. */
const START_FIELD = 19;
const MAX_START = 0xf_ffff_ffff;

/** First label of a machine's name; `localhost` where that is none. */
export function nodeName(host: string): string {
  const [label = ''] = host.split('.', 1);
  return /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(label) ? label : 'localhost';
}

/** The start in the text of `/proc/PID/stat`. */
export function startOf(stat: string): number {
  const field = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD] ?? '';
  const ticks = /^\d+$/.test(field) ? Number(field) : 0;
  return ticks <= MAX_START ? ticks : 0;
}

/** Of this process. */
export async function processIdentity(): Promise<ProcessIdentity> {
  const stat = await readFile('/proc/self/stat', 'latin1').catch(() => '');
  return { node: nodeName(hostname()), pid: process.pid, processStart: startOf(stat) };
}
