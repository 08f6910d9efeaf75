/** What the reference client sent to a real server, sent to this one: the replies are those of the real server. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { MANIFEST_NAME } from '../../../src/snapshot/archive-names.js';
import { decodeBlob } from '../../../src/snapshot/blob.js';
import { encodeManifest } from '../../../src/snapshot/manifest.js';
import { formatSnapshot, parseSnapshot } from '../../../src/snapshot/names.js';
import { type Answer, bytes, resend } from '../../replay/resend.js';
import { type Exchange, type RecordedSession, readRecording } from '../../support/replay/recording.js';
import { LAPTOP, type SessionWorld, withSessions } from './session-world.js';

/** In the order in which they were made: later ones need what earlier ones stored. */
const FILES = [
  'backup-legacy-first.jsonl',
  'backup-legacy-second.jsonl',
  'backup-data.jsonl',
  'backup-metadata.jsonl',
  'backup-image.jsonl',
  'backup-image-second.jsonl',
  'backup-encrypted.jsonl',
  'restore.jsonl',
  'catalog.jsonl',
  'limited.jsonl',
  'errors.jsonl',
];

const BLOB = /^31b958426fb6a37f/;
const INDEX = /^(?:1c914ea519bab3cd|2f7f41ed91fd0fcd)/;

/** Connections that ask for a session. */
function sessionsOf(file: string): RecordedSession[] {
  return readRecording(file).map((session) => ({
    ...session,
    connections: session.connections.filter(({ http1 }) =>
      http1.some(({ target }) => /\/(?:backup|reader)\?/.test(target)),
    ),
  }));
}

/** The recorded requests with the secrets of this server. */
function authorised({ secrets }: SessionWorld): (exchange: Exchange) => Exchange {
  return (exchange) => ({
    ...exchange,
    headers: exchange.headers.map(([name, text]) => {
      const token = /^PBSAPIToken[ =]([^:]+):/.exec(text)?.[1];
      return [name, token === undefined ? text : `PBSAPIToken ${token}:${secrets.get(token)}`] as const;
    }),
  });
}

/** The recorded client opened two writers at once: they are opened in the order of their numbers, one after the other. */
function inOrder(streams: readonly Exchange[]): readonly Exchange[] {
  const isOpening = ({ method, target, status }: Exchange): boolean =>
    method === 'POST' && /^\/(?:dynamic|fixed)_index\?/.test(target) && status === 200;
  const number = ({ reply }: Exchange): number => Number(/\d+/.exec(reply.whole?.toString() ?? ''));
  const openings = streams.filter(isOpening).sort((a, b) => number(a) - number(b));
  return streams.map((each) => (isOpening(each) ? openings.shift()! : each));
}

/** How many chunks the store had before is its own matter. */
function manifestText(body: Buffer): string {
  return decodeBlob(body, MANIFEST_NAME)
    .toString()
    .replace(/"duplicates": \d+/, '"duplicates": 0');
}

/** Identity and creation time of an index are the server's own. */
function comparable(body: Buffer, { store }: SessionWorld, target: string): string {
  if (/^\/\w+\?[a-z]+-name=index\.json\.blob$/.test(target) && BLOB.test(body.toString('hex', 0, 8)))
    return manifestText(body);
  if (INDEX.test(body.toString('hex', 0, 8))) return body.subarray(32).toString('hex');
  const text = body.toString('latin1');
  if (!/store|restat/.test(text)) return text;
  return text
    .replaceAll(`${store}/.restat/locks`, '/run/proxmox-backup/locks/vectors')
    .replaceAll(store, '/store/vectors');
}

/** What the server of the recordings had before. */
function addSnapshot({ store }: SessionWorld, name: string, state?: string): void {
  const snapshot = parseSnapshot(name);
  const place = join(store, formatSnapshot(snapshot));
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, '..', 'owner'), `${LAPTOP}\n`);
  const unprotected = state === undefined ? {} : { verify_state: { state, upid: '' } };
  const manifest = { snapshot, files: [], signature: null, unprotected };
  writeFileSync(join(place, MANIFEST_NAME), encodeManifest(manifest));
}

/**
 * The second request of a group that is busy has a test of its own; without a header `connection` Node sees no upgrade.
 */
function isElsewhere({ exchange: { target, headers } }: Answer): boolean {
  const has = (wanted: string): boolean => headers.some(([name]) => name === wanted);
  return target.includes('backup-time=1703000062') || (has('upgrade') && !has('connection'));
}

/** The server may still be ending the session before. */
async function resendWhenFree(session: RecordedSession, world: SessionWorld): Promise<Answer[]> {
  const busy = /unable to acquire backup group lock/;
  for (;;) {
    const answers = await resend(session, world.port, { http1: authorised(world), streams: inOrder });
    if (!busy.test(answers[0]?.body.toString() ?? '')) return answers;
    await nextTurn();
  }
}

async function compare(
  t: ExecutionContext,
  world: SessionWorld,
  answers: readonly Answer[],
  name: string,
): Promise<void> {
  for (const answer of answers.filter((each) => !isElsewhere(each))) {
    const { exchange, status, body } = answer;
    const what = `${name}: ${exchange.method} ${exchange.target}`;
    t.is(status, exchange.status, `${what}: ${body.toString('latin1', 0, 200)}`);
    t.is(
      comparable(body, world, exchange.target),
      comparable(await bytes(exchange.reply), world, exchange.target),
      what,
    );
  }
}

test('the recorded client gets the recorded replies', (t) =>
  withSessions(async (world) => {
    for (const time of ['2023-11-14T22:30:00Z', '2023-11-14T23:36:40Z'])
      addSnapshot(world, `host/alpha/${time}`, 'failed');
    addSnapshot(world, 'host/kinds/2023-11-14T22:13:23Z');
    let compared = 0;
    for (const file of FILES) {
      for (const session of sessionsOf(file)) {
        const answers = await resendWhenFree(session, world);
        await compare(t, world, answers, `${file} ${session.name}`);
        compared += answers.length;
      }
    }
    t.true(compared > 300, String(compared));
  }));
