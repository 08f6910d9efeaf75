/** `/metrics`: who may read it, and what it says. */
import type { IncomingMessage } from 'node:http';
import { requireAny } from '../access/privileges.js';
import type { Datastore } from '../server-context.js';
import type { Caller } from './endpoint.js';
import { gauges, type Measured } from './gauges.js';
import { type Counters, formatMetrics } from './metrics.js';
import { addressOf } from './request-identity.js';
import type { Answer } from './send.js';
import type { Target } from './target.js';

export interface MetricsPageOptions {
  /** On loopback everybody may read it. */
  readonly open: boolean;
  readonly counters: Counters;
  measure(): Measured;
  readonly datastores: Iterable<Datastore>;
  /** Who asks. */
  caller(request: IncomingMessage): Promise<Caller>;
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;
const TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** True for the one path that is not of the API. */
export function isMetrics(method: string, { segments }: Target): boolean {
  return method === 'GET' && segments.length === 1 && segments[0] === 'metrics';
}

/** Throws AccessError for who may not read it. */
export async function metricsAnswer(request: IncomingMessage, o: MetricsPageOptions): Promise<Answer> {
  if (!o.open || !LOOPBACK.test(addressOf(request))) {
    const { authId, access } = await o.caller(request);
    requireAny(access.table, authId, '/datastore', ['Datastore.Audit']);
  }
  const metrics = [...(await gauges(o.measure(), o.datastores)), ...o.counters.metrics()];
  return { status: 200, headers: { 'content-type': TYPE }, body: Buffer.from(formatMetrics(metrics)) };
}
