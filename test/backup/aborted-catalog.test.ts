import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type BackupRequest, runBackup } from '../../src/backup/backup.js';
import { parseSources } from '../../src/backup/sources.js';
import { LocalRepository } from '../../src/repository/local/local-repository.js';
import type { BackupSession, CheckpointKeeper, RunningStream } from '../../src/repository/repository.js';
import { Seal } from '../../src/repository/seal.js';
import { backupTime, parseBackupId, parseBackupType, ROOT_NAMESPACE } from '../../src/snapshot/names.js';
import { restatOk } from '../support/cli.js';
import { withTemporaryDirectory } from '../support/world.js';

/** The object with other members in the place of some of its own. */
function withMembers<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name) => {
      if (name in members) return Reflect.get(members, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A session that keeps progress, and is interrupted when its first archive has ended: all its streams rest from then on. */
function interrupted(session: BackupSession, controller: AbortController): BackupSession {
  const streams: RunningStream[] = [];
  let kept = Promise.resolve();
  const checkpoints: CheckpointKeeper = {
    keeps: true,
    follow: (_, stream) => streams.push(stream),
    preserve: () => {
      kept = Promise.all(streams.map((stream) => stream.pause())).then(() => undefined);
      return kept;
    },
  };
  return withMembers(session, {
    checkpoints,
    putIndex: async (name, stream) => {
      controller.abort(new Error('interrupted'));
      await kept;
      await session.putIndex(name, stream);
    },
  });
}

test('an interrupt between an archive and the catalog ends the run, though the catalog rests for a checkpoint', (t) =>
  withTemporaryDirectory(async (directory) => {
    const [store, source] = [join(directory, 'store'), join(directory, 'source')];
    await restatOk(['datastore', 'create', store]);
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'text');
    const controller = new AbortController();
    const repository = await LocalRepository.open(store, { sync: 'none' });
    const request: BackupRequest = {
      repository: withMembers(repository, {
        begin: async (...words) => interrupted(await repository.begin(...words), controller),
      }),
      namespace: ROOT_NAMESPACE,
      group: { type: parseBackupType('host'), id: parseBackupId('t') },
      time: backupTime(1_700_000_000),
      sources: parseSources([`root.pxar:${source}`]),
      walk: {
        excludes: [],
        markers: [],
        largestFile: Number.POSITIVE_INFINITY,
        allFileSystems: false,
        includedDevices: new Set(),
        entriesMax: 1000,
      },
      averageSize: 65_536,
      skipE2bigXattr: false,
      owner: 'root@pam',
      seal: Seal.none,
      lockWaitSeconds: 0,
      temporaryDirectory: directory,
      clock: () => ({ seconds: 1_700_000_000, nanoseconds: 0 }),
      signal: controller.signal,
      layout: 'single',
      detection: { archives: new Set(), budget: { all: 0.3, dead: 0.1 }, fullEvery: undefined },
      dryRun: false,
      onMessage: () => undefined,
      onStart: () => undefined,
      onArchive: () => undefined,
      onWarning: () => undefined,
      onProgress: () => undefined,
    };
    await t.throwsAsync(runBackup(request), { message: 'interrupted' });
    t.deepEqual(await repository.snapshots(ROOT_NAMESPACE), []);
  }));
