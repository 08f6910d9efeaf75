/** What a real server and its client answered to management calls (test/fixtures/protocol/manage.jsonl). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { PruneCandidate } from '../../src/maintenance/prune.js';
import type { KeepOptions } from '../../src/repository/management.js';
import { backupTime } from '../../src/snapshot/names.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));

const message = z.object({
  request_line: z.string(),
  request_body: z.object({ text: z.string().optional() }),
  status_line: z.string(),
  response_body: z.object({ text: z.string().optional() }).optional(),
});
const line = z.object({
  session: z.string(),
  client: z.object({ arguments: z.array(z.string()), exit: z.int(), stdout: z.string() }).optional(),
  http1: z.array(message).optional(),
});

/** One call over HTTP/1.1. */
export interface RecordedCall {
  readonly session: string;
  readonly method: string;
  /** Relative to /api2/json/, with its query. */
  readonly url: URL;
  /** JSON text of a POST. */
  readonly body: string;
  readonly status: number;
  /** Undefined for a long one, which the recording only describes. */
  readonly reply: string | undefined;
}

function callOf(session: string, each: z.infer<typeof message>): RecordedCall {
  const [method = '', target = ''] = each.request_line.split(' ');
  return {
    session,
    method,
    url: new URL(target.replace(/^\/+api2\/json/, ''), 'https://server'),
    body: each.request_body.text ?? '',
    status: Number(each.status_line.split(' ')[1]),
    reply: each.response_body?.text,
  };
}

/** All calls of the management sessions in order. */
export function recordedCalls(): RecordedCall[] {
  const lines = readFileSync(`${FIXTURES}protocol/manage.jsonl`, 'utf8').trim().split('\n');
  return lines
    .map((text) => line.parse(JSON.parse(text)))
    .flatMap(({ session, http1 = [] }) => http1.map((each) => callOf(session, each)));
}

const decisions = z.array(z.object({ 'backup-time': z.int(), keep: z.boolean(), protected: z.boolean() }));

export interface RecordedPrune {
  readonly name: string;
  readonly candidates: readonly PruneCandidate[];
  readonly keep: KeepOptions;
  readonly expected: readonly boolean[];
}

function prune(name: string, last: unknown, reply: z.infer<typeof decisions>): RecordedPrune {
  return {
    name,
    candidates: reply.map((each) => ({
      time: backupTime(each['backup-time']),
      finished: true,
      protected: each.protected,
    })),
    keep: typeof last === 'number' ? { last } : {},
    expected: reply.map(({ keep }) => keep),
  };
}

/** Prune lists of a server, with the snapshots that they were made of. */
export function recordedPrunes(): RecordedPrune[] {
  const body = z.object({ 'keep-last': z.int().optional() });
  const calls = recordedCalls()
    .filter(({ url }) => url.pathname.endsWith('/prune'))
    .map(({ session, body: text, reply }) =>
      prune(
        session,
        body.parse(JSON.parse(text))['keep-last'],
        z.object({ data: decisions }).parse(JSON.parse(reply ?? '')).data,
      ),
    );
  const outputs = z
    .array(z.object({ arguments: z.array(z.string()), json: z.json().optional() }))
    .parse(JSON.parse(readFileSync(`${FIXTURES}cli/outputs.json`, 'utf8')));
  const printed = outputs.find(({ arguments: words, json }) => words[0] === 'prune' && json !== undefined);
  return [...calls, prune('printed by the client', 1, decisions.parse(printed?.json))];
}
