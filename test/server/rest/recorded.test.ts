/** Calls that a real server answered, and what this one answers over a datastore like that server's. */
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { type RecordedCall, recordedCalls } from '../../support/recorded-manage.js';
import { readRecording } from '../../support/replay/recording.js';
import { addSnapshot, plainSnapshot, snapshotSchema } from './recorded-store.js';
import { accessWith, IDENTITY, type RestWorld, STORE, withGolden } from './rest-world.js';

const LAPTOP = 'ann@pbs!laptop';
const LIMITED = 'ann@pbs!limited';
const access = accessWith([
  ['ann@pbs', 'DatastoreAdmin'],
  [LAPTOP, 'DatastoreAdmin'],
  [LIMITED, 'DatastoreBackup'],
]);
const calls = recordedCalls();
const listed = z.object({ data: z.array(snapshotSchema) });

function recordedReply(session: string): string {
  return calls.find((call) => call.session === session)?.reply ?? '';
}

/** What the server had beside the golden datastore. */
function addRecorded(directory: string): void {
  for (const session of ['snapshot-list-group', 'group-forget-no'])
    for (const each of listed.parse(JSON.parse(recordedReply(session))).data) addSnapshot(directory, each);
  const files = ['root.ppxar.didx', 'root.mpxar.didx'];
  for (const time of [1_702_000_001, 1_702_000_002, 1_702_000_003])
    addSnapshot(directory, plainSnapshot('proto-enc', time, files, LAPTOP));
}

/** What sessions of other protocols did in between. */
function between(session: string, { directory, tasks }: RestWorld): void {
  if (session === 'list' || session === 'backup-to-namespace') {
    tasks.begin({ type: 'backup', workerId: `${STORE}:host/n`, authId: LAPTOP }).end();
  }
  if (session === 'backup-to-namespace')
    addSnapshot(directory, plainSnapshot('n', 1_702_000_001, ['a.conf.blob'], LAPTOP), 'p1/x');
}

type Json = z.infer<ReturnType<typeof z.json>>;

/** Fields whose values are not those of this machine, this moment, or this very manifest. */
const VARIES = new Set([
  'avail',
  'total',
  'used',
  'repoid',
  'pbs-instance-id',
  'upid',
  'pid',
  'pstart',
  'starttime',
  'endtime',
]);

function sortKey(value: Json): string {
  return JSON.stringify(value);
}

/** A form in which replies are compared: lists sorted, and what varies only there or not. The manifest is another one each time. */
function comparable(value: Json): Json {
  if (Array.isArray(value)) return value.map(comparable).sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  const isManifest = value['filename'] === 'index.json.blob';
  const isSnapshot = 'files' in value && 'size' in value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, each]): [string, Json] => {
      const varies = VARIES.has(key) || (key === 'size' && (isManifest || isSnapshot));
      return [key, varies ? typeof each : comparable(each)];
    }),
  );
}

/** A reply's text as a value; errors name files of the datastore. */
function parsed(text: string, directory: string): Json {
  return text.startsWith('{')
    ? comparable(z.json().parse(JSON.parse(text)))
    : text.replaceAll(`/store/${STORE}`, directory);
}

/** Sizes of snapshots are those of their files. */
function sizesAddUp(t: ExecutionContext, body: unknown): void {
  const snapshots = z.object({
    data: z.array(z.object({ size: z.int(), files: z.array(z.object({ size: z.int() })) })),
  });
  for (const { size, files } of snapshots.safeParse(body).data?.data ?? [])
    t.is(
      files.reduce((sum, file) => sum + file.size, 0),
      size,
    );
}

async function compare(
  t: ExecutionContext,
  world: RestWorld,
  authId: string,
  recorded: RecordedCall,
): Promise<void> {
  const { session, method, url, body: text, status, reply } = recorded;
  between(session, world);
  const isUpgrade = url.pathname === '/backup' || url.pathname === '/reader';
  if (isUpgrade || session === 'garbage-collect-json') return;
  const json = text === '' ? undefined : z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  const target = `${url.pathname}${url.search}`.slice(1);
  const answer = await world.call(access, authId, {
    method,
    target,
    ...(json === undefined ? {} : { body: json }),
  });
  t.is(answer.status, status, `${session}: ${JSON.stringify(answer.body)}`);
  const said = typeof answer.body === 'string' ? answer.body : comparable(z.json().parse(answer.body));
  if (reply !== undefined) t.deepEqual(said, parsed(reply, world.directory), session);
  sizesAddUp(t, answer.body);
}

/** Bodies that are no text are not in the short form of a recording. */
function isText({ session }: RecordedCall): boolean {
  return !session.startsWith('upload-log');
}

test('Management calls get the recorded replies, one after the other.', (t) =>
  withGolden(async (world) => {
    addRecorded(world.directory);
    for (const recorded of calls.filter(isText)) await compare(t, world, LAPTOP, recorded);
  }));

test('A log is uploaded once, with the recorded replies.', (t) =>
  withGolden(async (world) => {
    addRecorded(world.directory);
    const sessions = readRecording('manage.jsonl').filter(({ name }) => name.startsWith('upload-log'));
    t.is(sessions.length, 2);
    for (const exchange of sessions.flatMap(({ connections }) => connections.flatMap(({ http1 }) => http1))) {
      const target = exchange.target.replace('/api2/json/', '');
      const request = { method: exchange.method, target, body: exchange.body.whole! };
      const { status, body } = await world.call(access, LAPTOP, request);
      t.is(status, exchange.status);
      const text = exchange.reply.whole?.toString() ?? '';
      t.is(typeof body === 'string' ? body : JSON.stringify(body), text);
    }
  }));

test('A token that may only back up gets the recorded replies.', (t) =>
  withGolden(async (world) => {
    addSnapshot(world.directory, plainSnapshot('lim', 1_702_000_001, ['a.conf.blob'], LIMITED));
    const sessions = readRecording('limited.jsonl').filter(
      ({ name }) => name.startsWith('limited-') || name === 'unknown-datastore',
    );
    const exchanges = sessions.flatMap(({ connections }) => connections.flatMap(({ http1 }) => http1));
    let compared = 0;
    for (const exchange of exchanges.filter(({ target }) => target.includes('/admin/'))) {
      const target = exchange.target.replace('/api2/json/', '');
      const { status, body } = await world.call(access, LIMITED, { method: exchange.method, target });
      t.is(status, exchange.status, target);
      const text = exchange.reply.whole?.toString() ?? '';
      t.deepEqual(
        typeof body === 'string' ? body : comparable(z.json().parse(body)),
        parsed(text, world.directory),
      );
      compared += 1;
    }
    t.is(compared, 4);
  }));

test('The server names itself: its release, its installation, and that it is there.', (t) =>
  withGolden(async (world) => {
    const get = async (target: string): Promise<unknown> =>
      (await world.call(access, LAPTOP, { method: 'GET', target })).body;
    t.deepEqual(await get('version'), { data: { version: '4.2', release: '0', repoid: 'restat' } });
    t.deepEqual(await get('nodes/localhost/identity'), { data: { 'pbs-instance-id': IDENTITY } });
    t.deepEqual(await get('ping'), { data: { pong: true } });
  }));
