/** What a client gets to read when a call fails. rest-api.md §1.2. */
import { getSystemErrorMap } from 'node:util';
import { RepositoryError } from '../../repository/errors.js';
import type { Clock } from '../access/clock.js';
import { AccessError } from '../access/errors.js';
import { CallError } from './call-error.js';

export interface Failure {
  readonly status: number;
  readonly text: string;
  /** True for an error that nobody foresaw. */
  readonly unexpected: boolean;
}

/** From the start of a request to the answer that a privilege is missing, in milliseconds. protocol.md §3.2. */
const FORBIDDEN_DELAY = 500;
/** Longest answer to a failed call, in characters. */
const LONGEST = 8192;

/** A failed system call without the path, which may be that of a secret; undefined for any other error. */
function systemText(error: Error): string | undefined {
  if (!('errno' in error) || typeof error.errno !== 'number') return undefined;
  const [name, text] = getSystemErrorMap().get(error.errno) ?? [];
  return name === undefined ? undefined : `${name}: ${text}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (systemText(error) ?? error.message) : 'internal error';
}

/** Everything that has no status of its own is a 400, as on a real server. */
export function failureOf(error: unknown): Failure {
  const known = error instanceof CallError || error instanceof AccessError;
  return {
    status: known ? error.status : 400,
    text: textOf(error).slice(0, LONGEST),
    unexpected: !known && !(error instanceof RepositoryError),
  };
}

/** Waits with an answer until it may go, in milliseconds of `clock.elapsed()` since the request's start. */
export async function holdBack({ status }: Failure, clock: Clock, start: number): Promise<void> {
  if (status === 403) await clock.pause(Math.max(0, FORBIDDEN_DELAY - (clock.elapsed() - start)));
}
