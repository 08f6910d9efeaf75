/** A connection to a server that breaks anywhere: a run ends in time, says why, and leaves nothing wrong behind. protocol.md §5.8. */
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import type { RunResult } from '../support/cli.js';
import {
  type Direction,
  FAULTS,
  type Fault,
  type FaultPoint,
  withFaultyProxy,
} from '../support/faulty-proxy.js';
import {
  backupWords,
  FILES,
  failsClearly,
  fill,
  forEachTogether,
  KEY,
  nextBackupWords,
  restoreWords,
  run,
  wholeFiles,
} from '../support/pbs-world.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { textReply } from '../support/replay/messages.js';
import type { Request } from '../support/replay/request.js';
import type { Reply } from '../support/replay/rules.js';
import { type Behaviour, withSessionServer } from '../support/session-server.js';
import { SessionStore } from '../support/session-store.js';
import { withTemporaryDirectory } from '../support/world.js';

/** Bytes of a direction in which contents go. */
const MUCH = 100_000;
/** Faults that only the client's patience ends. */
const SILENT: ReadonlySet<Fault> = new Set<Fault>(['stall', 'hole']);
/** Patience of the client in seconds: where it is what ends a run, where a run goes on beside it, and where it must not matter. */
const PATIENCE = { short: '1', middle: '3', long: '20' } as const;

function patienceFor(point: FaultPoint | undefined): string {
  return point !== undefined && SILENT.has(point.fault) ? PATIENCE.short : PATIENCE.long;
}

const certificate = makeCertificate();

interface Attempt {
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly repository: string;
  /** Bytes of a connection. */
  readonly forwarded: (connection: number) => Readonly<Record<Direction, number>>;
}

/** Calls `use` with a server behind a proxy that has this fault, and a directory. */
function attempt<T>(
  behaviour: Behaviour,
  point: FaultPoint | undefined,
  use: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  return withTemporaryDirectory(async (directory) =>
    withSessionServer({ ...behaviour, certificate: await certificate }, (server) =>
      withFaultyProxy(server.port, point, ({ port, forwarded }) => {
        const env = { ...server.env, RESTAT_SERVER_TIMEOUT: patienceFor(point) };
        return use({ env, directory, repository: server.repository(port), forwarded: (i) => forwarded[i]! });
      }),
    ),
  );
}

/** A store with one snapshot, and how many bytes a backup and a restore need. */
async function prepare() {
  const store = new SessionStore();
  const measure = (words: (attempt: Attempt) => readonly string[]) =>
    attempt({ store }, undefined, async (each) => {
      const { code, stderr } = await run(words(each), each.env);
      if (code !== 0) throw new Error(stderr);
      return each.forwarded(0);
    });
  const backup = await measure(({ directory, repository }) =>
    backupWords(fill(join(directory, 's')), repository),
  );
  const restore = await measure(({ directory, repository }) =>
    restoreWords(join(directory, 't'), repository),
  );
  return { store, backup, restore };
}

const prepared = prepare();

/** Bytes forwarded before the fault: handshake, upgrade and first requests, parts of the whole, and what comes last. */
function pointsOf(total: number): number[] {
  const early = [0, 600, 1500, 2000];
  const parts = [0.2, 0.5, 0.8].map((part) => Math.floor(total * part));
  const late = [2000, 500, 100, 1].map((bytes) => total - bytes);
  return [...new Set([...early, ...parts, ...late])].filter((bytes) => bytes >= 0 && bytes < total);
}

/** Faults at points in both directions, such that every fault comes early, in the middle and late; two where much is sent. */
function faultPoints(total: Readonly<Record<Direction, number>>): FaultPoint[] {
  const faultAt = (i: number): Fault => FAULTS[i % FAULTS.length]!;
  const directions: readonly Direction[] = ['up', 'down'];
  return directions.flatMap((direction) =>
    pointsOf(total[direction]).flatMap((bytes, i) =>
      (total[direction] > MUCH ? [faultAt(i), faultAt(i + 3)] : [faultAt(i)]).map((fault) => ({
        fault,
        direction,
        bytes,
        connection: 0,
      })),
    ),
  );
}

test('a backup over a connection that breaks fails with one error, unless all was confirmed', async (t) => {
  const { backup } = await prepared;
  await forEachTogether(faultPoints(backup), (point) => {
    const store = new SessionStore();
    return attempt({ store }, point, async ({ directory, repository, env }) => {
      const words = [...backupWords(fill(join(directory, 's')), repository), '--retries', '0'];
      const result = await run(words, env);
      if (result.code === 0) t.true(store.snapshots.has(KEY), JSON.stringify(point));
      else failsClearly(t, result, JSON.stringify(point));
    });
  });
});

/** Restores over connections that have this fault. No file is wrong, and where the restore does not fail none is missing. */
async function restoreThrough(t: ExecutionContext, point: FaultPoint): Promise<RunResult> {
  const { store } = await prepared;
  return attempt({ store }, point, async ({ directory, repository, env }) => {
    const target = join(directory, 't');
    const result = await run(restoreWords(target, repository), env);
    const found = wholeFiles(t, target, JSON.stringify(point));
    if (result.code === 0) t.is(found, FILES.length, JSON.stringify(point));
    else failsClearly(t, result, JSON.stringify(point));
    return result;
  });
}

/** True for faults that come when the session has begun: what is sent before is little, but not always the same. */
function isInSession({ direction, bytes }: FaultPoint, total: Readonly<Record<Direction, number>>): boolean {
  return direction === 'up' ? bytes > total.up - 1000 : bytes > total.down / 10;
}

test('a restore whose connection breaks goes on over another one; if it never stood, it fails with one error', async (t) => {
  const { restore } = await prepared;
  const points = faultPoints(restore);
  const late = points.filter((point) => isInSession(point, restore));
  for (const fault of FAULTS) t.true(late.some((point) => point.fault === fault));
  await forEachTogether(points, async (point) => {
    const { code, stderr } = await restoreThrough(t, point);
    if (isInSession(point, restore)) t.is(code, 0, `${JSON.stringify(point)}: ${stderr}`);
  });
});

test('a restore goes on over as many connections as it needs, while each brings something', async (t) => {
  const { restore } = await prepared;
  const bytes = Math.floor(restore.down / 2);
  const result = await restoreThrough(t, { fault: 'close', direction: 'down', bytes, connection: 'every' });
  t.is(result.code, 0, result.stderr);
});

test('a restore none of whose connections brings anything fails with one error', async (t) => {
  // Enough for the first index, but not for that and another file.
  const bytes = 8000;
  await forEachTogether(FAULTS, async (fault) => {
    const result = await restoreThrough(t, { fault, direction: 'down', bytes, connection: 'every' });
    t.is(result.code, 1, `${fault}: ${result.stderr}`);
  });
});

/** The store that it begins with, unharmed by what is added. */
function copyOf({ snapshots, chunks }: SessionStore): SessionStore {
  const copy = new SessionStore();
  for (const [key, files] of snapshots) copy.snapshots.set(key, files);
  for (const [digest, chunk] of chunks) copy.chunks.set(digest, chunk);
  return copy;
}

test('a reference whose connection breaks costs a backup nothing but reading', async (t) => {
  const { store } = await prepared;
  const backUp = (point: FaultPoint | undefined) => {
    const own = copyOf(store);
    return attempt({ store: own }, point, async ({ directory, repository, env, forwarded }) => {
      const result = await run(nextBackupWords(fill(join(directory, 's')), repository), {
        ...env,
        RESTAT_SERVER_TIMEOUT: PATIENCE.middle,
      });
      const what = JSON.stringify(point);
      t.is(result.code, 0, `${what}: ${result.stderr}`);
      if (point === undefined) t.regex(result.stderr, /Using previous index as metadata reference/);
      t.is(own.snapshots.size, store.snapshots.size + 1, what);
      const target = join(directory, 't');
      const restored = await run(restoreWords(target, repository, { next: true }), env);
      t.is(restored.code, 0, `${what}: ${restored.stderr}`);
      t.is(wholeFiles(t, target, what), FILES.length, what);
      return forwarded(1);
    });
  };
  const { down } = await backUp(undefined);
  const points = FAULTS.flatMap((fault, i) =>
    [1000 * (i % 2), down - 200 * i - 1].map(
      (bytes): FaultPoint => ({ fault, direction: 'down', bytes, connection: 1 }),
    ),
  );
  await forEachTogether(points, async (point) => void (await backUp(point)));
});

test('a plain request over a connection that breaks fails with one error', async (t) => {
  const rows = Array.from({ length: 200 }, (_, i) => ({
    'backup-type': 'host',
    'backup-id': 't',
    'backup-time': i + 1,
  }));
  const text = JSON.stringify({ data: rows.map((row) => ({ ...row, files: [], protected: false })) });
  const list = (point: FaultPoint | undefined) =>
    attempt({ rest: () => textReply(200, text) }, point, async ({ repository, env, forwarded }) => {
      const result = await run(['snapshot', 'list', '--repository', repository], env);
      return { result, forwarded };
    });
  const whole = await list(undefined);
  t.is(whole.result.code, 0, whole.result.stderr);
  const { down } = whole.forwarded(0);
  const points = FAULTS.flatMap((fault) =>
    [0, 2000, down - text.length / 2].map(
      (bytes): FaultPoint => ({ fault, direction: 'down', bytes: Math.floor(bytes), connection: 0 }),
    ),
  );
  await forEachTogether(points, async (point) => {
    failsClearly(t, (await list(point)).result, JSON.stringify(point));
  });
});

test('a reply that stops in the middle is not taken for a short one', async (t) => {
  const { store } = await prepared;
  // Nothing follows, and nothing ends.
  const more = (): Readable => new Readable({ read: () => undefined });
  for (const path of ['/download', '/chunk']) {
    const change = (request: Request, honest: Reply): Reply =>
      request.path === path ? { ...honest, body: honest.body.subarray(0, 40), more: more() } : honest;
    await withTemporaryDirectory((directory) =>
      withSessionServer({ store, change }, async ({ env, repository }) => {
        const words = restoreWords(join(directory, 't'), repository());
        const result = await run(words, { ...env, RESTAT_SERVER_TIMEOUT: PATIENCE.short });
        failsClearly(t, result, path);
        t.regex(result.stderr, /no answer to GET \/?(download|chunk) within 1 seconds/);
      }),
    );
  }
});

test('a backup whose connection is lost in the middle begins anew and is stored with a newer time', async (t) => {
  const { backup } = await prepared;
  const bytes = Math.floor(backup.up / 2);
  const store = new SessionStore();
  await attempt(
    { store },
    { fault: 'reset', direction: 'up', bytes, connection: 0 },
    async ({ directory, repository, env }) => {
      const { code, stderr } = await run(backupWords(fill(join(directory, 's')), repository), env);
      t.is(code, 0, stderr);
      t.regex(stderr, /beginning anew in 5 seconds/);
    },
  );
  t.is(store.snapshots.size, 1);
  t.false(store.snapshots.has(KEY));
});
