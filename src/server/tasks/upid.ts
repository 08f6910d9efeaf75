/** Names of tasks. rest-api.md §4.1. */
import { escapeWorkerId, unescapeWorkerId } from './worker-id.js';

/** What the name of a task says. */
export interface Upid {
  /** First label of the machine's name. */
  readonly node: string;
  readonly pid: number;
  /** When the process began, in clock ticks since the machine did. */
  readonly processStart: number;
  /** Differs between the tasks of one process. */
  readonly number: number;
  /** Seconds since the epoch. */
  readonly startTime: number;
  readonly type: string;
  /** What it is about, not escaped; may be empty. */
  readonly workerId: string;
  readonly authId: string;
}

/** Longer is no name, in characters: room for a namespace and a group with every byte escaped. */
const MAX_LENGTH = 4096;
const FORM =
  /^UPID:([A-Za-z0-9][A-Za-z0-9-]{0,62}):([0-9A-F]{8}):([0-9A-F]{8,9}):([0-9A-F]{8,16}):([0-9A-F]{8}):([^:\s/]{1,64}):([^:\s]*):([^:\s/]{1,64}):$/;

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

/** The name as text. */
export function formatUpid(upid: Upid): string {
  const { node, pid, processStart, number, startTime, type, workerId, authId } = upid;
  const numbers = [pid, processStart, number, startTime].map(hex).join(':');
  return `UPID:${node}:${numbers}:${type}:${escapeWorkerId(workerId)}:${authId}:`;
}

/** What a text says; undefined for one that is no name of a task. */
export function parseUpid(text: string): Upid | undefined {
  const match = text.length <= MAX_LENGTH ? FORM.exec(text) : null;
  if (match === null) return undefined;
  const [, node = '', pid = '', start = '', number = '', time = '', type = '', worker = '', authId = ''] =
    match;
  const workerId = unescapeWorkerId(worker);
  const count = Number.parseInt(number, 16);
  if (workerId === undefined || !Number.isSafeInteger(count)) return undefined;
  return {
    node,
    pid: Number.parseInt(pid, 16),
    processStart: Number.parseInt(start, 16),
    number: count,
    startTime: Number.parseInt(time, 16),
    type,
    workerId,
    authId,
  };
}
