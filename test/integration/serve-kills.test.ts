/** Whatever dies when: a server has whole snapshots only, holds nothing for who has gone, and the next backup is whole. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { restatOk, startRestat } from '../support/cli.js';
import { type FaultPoint, withFaultyProxy } from '../support/faulty-proxy.js';
import { bytesOf } from '../support/recipe.js';
import { type Served, withServed } from '../support/served.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, withTemporaryDirectory } from '../support/world.js';

const rootTest = isRoot ? test : test.skip;

const LARGE = ['a', 'sub/b', 'z'].map((name) => ({
  name,
  bytes: bytesOf({ kind: 'drbg', seed: name, length: 600_000 }),
}));

/** A datastore, a server's state and a tree. */
class Place {
  readonly store: string;
  readonly state: string;
  readonly source: string;
  readonly #directory: string;
  #targets = 0;

  constructor(directory: string) {
    this.#directory = directory;
    [this.store, this.state, this.source] = ['store', 'state', 'source'].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    mkdirSync(this.state, { mode: 0o700 });
    mkdirSync(join(this.source, 'sub'), { recursive: true });
    for (const { name, bytes } of LARGE) writeFileSync(join(this.source, name), bytes);
  }

  serve<T>(use: (served: Served) => Promise<T>): Promise<T> {
    return withServed(this.store, this.state, use);
  }

  backup({ env, repository }: Pick<Served, 'env' | 'repository'>, clockOffset = 0) {
    const where = ['--repository', repository, '--backup-id', 't', '--chunk-size', '64', '--retries', '0'];
    return startRestat(['backup', `root.pxar:${this.source}`, ...where], { env, clockOffset });
  }

  /** The next backup does not wait, and what it stores is whole; nothing of the last one is left. */
  async recovers(t: ExecutionContext, served: Served, what: string, clockOffset = 3600): Promise<void> {
    const { env, repository } = served;
    const next = await this.backup(served, clockOffset).result;
    t.is(next.code, 0, `${what}: ${next.stderr}`);
    t.deepEqual(await this.#leftovers(), [], what);
    const target = join(this.#directory, `target-${this.#targets++}`);
    await restatOk(['restore', 'host/t', 'root.pxar', target, '--repository', repository], { env });
    t.deepEqual(differences(await scanTree(this.source), await scanTree(target)), [], what);
  }

  /** Names in the store that only an unfinished run may have. */
  async #leftovers(): Promise<string[]> {
    const names = (await readdir(this.store, { recursive: true })).filter(
      (name) => !name.startsWith('.restat/'),
    );
    return names.filter((name) => /\/\.restat-|\.tmp|^\.chunks\/[0-9a-f]{4}\/(?![0-9a-f]{64}$)/.test(name));
  }
}

function withPlace(use: (place: Place) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const place = new Place(directory);
    await restatOk(['datastore', 'create', place.store]);
    await use(place);
  });
}

/** The first such call of any thread of the process is its end. */
async function killAt(call: string, pid: number): Promise<void> {
  const inject = `inject=${call}:signal=SIGKILL:when=1`;
  const words = ['-f', '-p', String(pid), '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
  const tracer = spawn('strace', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  await once(tracer.stderr, 'data');
}

/** What a server does for a snapshot. */
const CALLS = [
  'mkdir',
  'mkdirat',
  'linkat',
  'pwrite64',
  'rename',
  'syncfs',
  'fsync',
  'renameat2',
  'flock',
  'fcntl',
];

for (const call of CALLS) {
  rootTest(`a server that dies at its first ${call} has whole snapshots only`, (t) =>
    withPlace(async (place) => {
      const { code, stderr } = await place.serve(async (served) => {
        await killAt(call, served.process.pid!);
        return place.backup(served).result;
      });
      t.notRegex(stderr, /^\s+at |Unhandled/m);
      t.is(code, 1, `${call}: ${stderr}`);
      await place.serve((served) => place.recovers(t, served, call));
    }),
  );
}

test('a client that goes at any point leaves nothing behind, and is in nobody’s way', (t) =>
  withPlace((place) =>
    place.serve(async (served) => {
      const measured = await withFaultyProxy(served.port, undefined, async ({ port, forwarded }) => {
        const repository = served.repository.replace(`:${served.port}:`, `:${port}:`);
        t.is((await place.backup({ ...served, repository }).result).code, 0);
        return forwarded.findIndex(({ up }) => up > 100_000);
      });
      t.true(measured >= 0);
      // The next one has a base, and sends little: what it does has other steps.
      const points: FaultPoint[] = [600, 1500, 3000, 5000, 8000, 20_000].flatMap((bytes) =>
        (['reset', 'close'] as const).map((fault) => ({
          fault,
          direction: 'up' as const,
          bytes,
          connection: measured,
        })),
      );
      let hours = 1;
      for (const point of points) {
        writeFileSync(
          join(place.source, 'a'),
          bytesOf({ kind: 'drbg', seed: String(hours), length: 600_000 }),
        );
        const what = JSON.stringify(point);
        await withFaultyProxy(served.port, point, async ({ port }) => {
          const repository = served.repository.replace(`:${served.port}:`, `:${port}:`);
          const { code, stderr } = await place.backup({ ...served, repository }, 3600 * hours).result;
          t.is(code, 1, `${what}: ${stderr}`);
        });
        hours += 1;
        const next = await place.backup(served, 3600 * hours).result;
        t.is(next.code, 0, `${what}: ${next.stderr}`);
        hours += 1;
      }
      await place.recovers(t, served, 'at the end', 3600 * hours);
    }),
  ));
