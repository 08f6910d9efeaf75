/** A group's first backup, whose progress is kept: checkpoints appear, are used and go again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { encodeManifest } from '../../src/snapshot/manifest.js';
import { backupTime } from '../../src/snapshot/names.js';
import { CONTENTS, holdsCompleteSnapshot, manifestOf, withBench } from '../support/checkpoint-bench.js';
import type { RunResult } from '../support/cli.js';
import { startRestat } from '../support/cli.js';
import { withFaultyProxy } from '../support/faulty-proxy.js';
import { withGate } from '../support/gate.js';
import { bytesOf } from '../support/recipe.js';
import { textReply } from '../support/replay/messages.js';
import type { Request } from '../support/replay/request.js';
import { type Behaviour, withSessionServer } from '../support/session-server.js';
import { snapshotCalls } from '../support/snapshot-calls.js';
import { isRoot } from '../support/world.js';

const rootTest = isRoot ? test : test.skip;

function succeeds(t: ExecutionContext, { code, stderr }: RunResult): void {
  t.is(code, 0, stderr);
}

rootTest('checkpoints appear while a first backup runs, follow each other and go at its end', (t) =>
  withBench((bench) =>
    withSessionServer(bench.behaviour(), async (server) => {
      const seen: string[][] = [];
      const note = (name: string) => (): void => {
        seen.push([...bench.store.snapshots.values()].flatMap((files) => [...files.keys()].sort()));
        for (const files of bench.store.snapshots.values())
          t.deepEqual(manifestOf(files).unprotected['restat'], { checkpoint: true });
        bench.release(name);
      };
      bench.whenFinished(1, note('m'));
      bench.whenFinished(2, note('z'));
      const result = await withGate([bench.hold('m'), bench.hold('z')], () => bench.start(server).result);
      succeeds(t, result);
      t.is(result.stderr.match(/^Checkpoint: host\/t\//gm)?.length, 3, result.stderr);
      const one = ['index.json.blob', 'root-incomplete.ppxar.didx'];
      t.deepEqual(seen, [one, [...one, ...one]]);
      t.is(new Set(bench.uploads).size, bench.uploads.length, 'no chunk was sent twice');
      await holdsCompleteSnapshot(t, bench, server);
    }),
  ),
);

rootTest(
  'a first backup that is interrupted leaves a checkpoint, and the next one sends only the rest',
  (t) =>
    withBench((bench) =>
      withSessionServer(bench.behaviour(), async (server) => {
        await withGate([bench.hold('z')], async () => {
          const { process, result } = bench.start(server);
          bench.whenFinished(1, () => {
            process.kill('SIGTERM');
            bench.release('z');
          });
          const { code, stderr } = await result;
          t.is(code, 130, stderr);
        });
        const [checkpoint] = [...bench.store.snapshots.values()];
        t.deepEqual(manifestOf(checkpoint!).unprotected['restat'], { checkpoint: true });
        const before = bench.uploads.length;
        // Sessions that were broken off hold nothing any more.
        bench.store.locked.clear();
        const next = await bench.start(server, []).result;
        succeeds(t, next);
        t.is(new Set(bench.uploads).size, bench.uploads.length, `${before} of ${bench.uploads.length}`);
        t.true(before > 60 && bench.uploads.length > before);
        await holdsCompleteSnapshot(t, bench, server);
      }),
    ),
);

rootTest('the first signal keeps what was stored since the last checkpoint', (t) =>
  withBench((bench) =>
    withSessionServer(bench.behaviour(), async (server) => {
      let sent = 0;
      await withGate([bench.hold('z')], async () => {
        const { process, result } = bench.start(server, ['--checkpoint-interval', '1000000']);
        const behaviour = bench.uploads;
        const wait = async (): Promise<void> => {
          while (behaviour.length < 60) await new Promise((resolve) => setTimeout(resolve, 20));
        };
        await wait();
        bench.whenFinished(1, () => bench.release('z'));
        process.kill('SIGINT');
        const { code, stderr } = await result;
        sent = behaviour.length;
        t.is(code, 130, stderr);
        t.regex(stderr, /Interrupted; what is stored so far becomes a checkpoint/);
      });
      t.is(bench.finished, 1);
      t.is(bench.store.snapshots.size, 1);
      const [checkpoint] = [...bench.store.snapshots.values()];
      const { length } = checkpoint!.get('root-incomplete.ppxar.didx')!;
      t.is((length - 4096) / 40, sent);
    }),
  ),
);

rootTest('a connection that is lost after a checkpoint costs only what came after it', (t) =>
  withBench((bench) => {
    const behaviour = bench.behaviour();
    let broken = false;
    const change = (request: Request, honest: Parameters<NonNullable<Behaviour['change']>>[1]) => {
      const reply = behaviour.change!(request, honest);
      if (bench.finished !== 1 || request.path !== '/dynamic_chunk' || broken) return reply;
      broken = true;
      bench.store.locked.clear();
      return { status: 400, contentType: 'text/plain', body: Buffer.from('the disk is full') };
    };
    return withSessionServer({ ...behaviour, change }, async (server) => {
      let kept = 0;
      bench.whenFinished(1, () => {
        kept = bench.uploads.length;
        bench.release('z');
      });
      const first = await withGate([bench.hold('z')], () => bench.start(server).result);
      t.is(first.code, 1, first.stderr);
      t.regex(first.stderr, /the disk is full/);
      const before = bench.uploads.length;
      t.true(kept > 60 && before > kept);
      succeeds(t, await bench.start(server).result);
      const again = bench.uploads.slice(before);
      t.false(bench.uploads.slice(0, kept).some((digest) => again.includes(digest)));
      await holdsCompleteSnapshot(t, bench, server);
    });
  }),
);

rootTest('a checkpoint that could not be removed for a moment goes at the end', (t) =>
  withBench((bench) => {
    const calls = snapshotCalls(bench.store);
    let refused = false;
    const rest = (request: Request) => {
      if (request.method !== 'DELETE' || refused) return calls(request);
      refused = true;
      return textReply(400, 'the snapshot is being verified');
    };
    return withSessionServer(bench.behaviour(rest), async (server) => {
      bench.whenFinished(1, () => bench.release('m'));
      bench.whenFinished(2, () => bench.release('z'));
      const gates = [bench.hold('m'), bench.hold('z')];
      const result = await withGate(gates, () => bench.start(server).result);
      succeeds(t, result);
      t.is(result.stderr.match(/^No more checkpoints: .*is being verified/gm)?.length, 1, result.stderr);
      t.notRegex(result.stderr, /remain/);
      await holdsCompleteSnapshot(t, bench, server);
    });
  }),
);

rootTest('a run that comes less far than one before it keeps what that one stored', (t) =>
  withBench((bench) =>
    withSessionServer(bench.behaviour(), async (server) => {
      const interrupted = async (held: string, file: string) => {
        const count = bench.finished + 1;
        await withGate([bench.hold(held)], async () => {
          const { process, result } = bench.start(server, ['--checkpoint-interval', '1']);
          bench.whenFinished(count, () => {
            process.kill('SIGTERM');
            writeFileSync(file, '');
          });
          const { code, stderr } = await result;
          t.is(code, 130, stderr);
        });
        bench.store.locked.clear();
      };
      const z = bench.hold('z');
      await interrupted('z', z.until);
      const before = bench.uploads.length;
      // Something new at the begin is a reason for a checkpoint, which is smaller than the first.
      writeFileSync(join(bench.source, 'a'), bytesOf({ kind: 'drbg', seed: 'other', length: 5_000_000 }));
      const m = bench.hold('m');
      await interrupted('m', m.until);
      t.true(bench.uploads.length > before);
      writeFileSync(join(bench.source, 'a'), CONTENTS.get('a')!);
      succeeds(t, await bench.start(server).result);
      t.is(new Set(bench.uploads).size, bench.uploads.length, 'no chunk was sent twice');
      await holdsCompleteSnapshot(t, bench, server);
    }),
  ),
);

rootTest('a server that cannot be reached for a moment after a checkpoint is asked again', (t) =>
  withBench((bench) =>
    withSessionServer(bench.behaviour(), (server) => {
      // The first is the session, the second a plain request.
      const point = { fault: 'reset', direction: 'up', bytes: 10, connection: 2 } as const;
      return withFaultyProxy(server.port, point, async ({ port, forwarded }) => {
        bench.whenFinished(1, () => bench.release('z'));
        const words = bench
          .words(server)
          .map((word) => (word === server.repository() ? server.repository(port) : word));
        const env = { ...server.env, RESTAT_SERVER_TIMEOUT: '20' };
        const result = await withGate([bench.hold('z')], () => startRestat(words, { env }).result);
        succeeds(t, result);
        t.true(forwarded.length > 3);
        t.notRegex(result.stderr, /anew/);
        await holdsCompleteSnapshot(t, bench, server);
      });
    }),
  ),
);

rootTest('checkpoints that an earlier run could not remove go with the next complete one', (t) =>
  withBench((bench) =>
    withSessionServer(bench.behaviour(), async (server) => {
      bench.whenFinished(1, () => bench.release('z'));
      await withGate([bench.hold('z')], async () => {
        const { process, result } = bench.start(server);
        bench.whenFinished(1, () => process.kill('SIGTERM'));
        await result;
      });
      const files = [...bench.store.snapshots.values()][0]!;
      const manifest = manifestOf(files);
      const time = backupTime(manifest.snapshot.time - 5);
      const older = encodeManifest({ ...manifest, snapshot: { ...manifest.snapshot, time } });
      bench.store.snapshots.set(`host/t/${time}`, new Map([...files, ['index.json.blob', older]]));
      bench.store.locked.clear();
      succeeds(t, await bench.start(server, []).result);
      await holdsCompleteSnapshot(t, bench, server);
    }),
  ),
);

rootTest('a server that does not go on after a checkpoint ends the backup with its words', (t) =>
  withBench((bench) => {
    const refuse = () =>
      bench.finished === 0 ? undefined : textReply(400, 'the datastore is in maintenance');
    return withSessionServer({ ...bench.behaviour(), refuse }, async (server) => {
      bench.whenFinished(1, () => bench.release('z'));
      const result = await withGate([bench.hold('z')], () => bench.start(server).result);
      t.is(result.code, 1, result.stderr);
      t.regex(result.stderr, /^Error: the datastore is in maintenance/m);
      t.is(bench.store.snapshots.size, 1);
    });
  }),
);

rootTest('where the server would not let checkpoints be removed, none is made, and one line says so', (t) =>
  withBench((bench) => {
    const calls = snapshotCalls(bench.store);
    const rest = (request: Request) =>
      request.path.endsWith('/prune') ? textReply(403, 'permission check failed') : calls(request);
    return withSessionServer(bench.behaviour(rest), async (server) => {
      const result = await bench.start(server).result;
      succeeds(t, result);
      t.is(
        result.stderr.match(/^No more checkpoints: .*permission check failed/gm)?.length,
        1,
        result.stderr,
      );
      t.is(bench.finished, 1);
      await holdsCompleteSnapshot(t, bench, server);
    });
  }),
);

rootTest('when the server refuses to remove a checkpoint, no more are made, and the backup ends well', (t) =>
  withBench((bench) => {
    const calls = snapshotCalls(bench.store);
    const rest = (request: Request) =>
      request.method === 'DELETE' ? textReply(400, 'cannot remove protected snapshot') : calls(request);
    return withSessionServer(bench.behaviour(rest), async (server) => {
      bench.whenFinished(1, () => bench.release('m'));
      bench.whenFinished(2, () => bench.release('z'));
      const gates = [bench.hold('m'), bench.hold('z')];
      const result = await withGate(gates, () => bench.start(server).result);
      succeeds(t, result);
      t.is(result.stderr.match(/^No more checkpoints: .*protected snapshot/gm)?.length, 1, result.stderr);
      t.is(
        result.stderr.match(/^Checkpoints remain: host\/t\/\S+, host\/t\/\S+ \(/gm)?.length,
        1,
        result.stderr,
      );
      t.is(bench.finished, 3);
      const newest = bench.store.newest('host/t/0')!;
      t.deepEqual([...newest[1].keys()].sort(), ['index.json.blob', 'root.mpxar.didx', 'root.ppxar.didx']);
      t.is(new Set(bench.uploads).size, bench.uploads.length);
    });
  }),
);

rootTest('with a finished snapshot there are no checkpoints, and a signal leaves nothing', (t) =>
  withBench((bench) =>
    withSessionServer(bench.behaviour(), async (server) => {
      succeeds(t, await bench.start(server, []).result);
      writeFileSync(join(bench.source, 'a'), bytesOf({ kind: 'drbg', seed: 'other', length: 5_000_000 }));
      const before = [...bench.store.snapshots];
      const first = bench.uploads.length;
      await withGate([bench.hold('z')], async () => {
        const { process, result } = bench.start(server);
        while (bench.uploads.length < first + 60) await new Promise((resolve) => setTimeout(resolve, 20));
        process.kill('SIGTERM');
        bench.release('z');
        const { code, stderr } = await result;
        t.is(code, 130, stderr);
        t.notRegex(stderr, /checkpoint/i);
      });
      t.deepEqual([...bench.store.snapshots], before);
    }),
  ),
);
