import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type BackupRequest, runBackup } from '../../src/backup/backup.js';
import { parseSources } from '../../src/backup/sources.js';
import { LocalRepository } from '../../src/repository/local/local-repository.js';
import { Seal } from '../../src/repository/seal.js';
import { backupTime, parseBackupId, parseBackupType, ROOT_NAMESPACE } from '../../src/snapshot/names.js';
import { restatOk } from '../support/cli.js';
import { withTemporaryDirectory } from '../support/world.js';

/** A repository that interrupts the run as soon as a session has begun. */
function interrupting(repository: LocalRepository, controller: AbortController): LocalRepository {
  const after = <T>(session: Promise<T>): Promise<T> =>
    session.then((begun) => {
      controller.abort(new Error('interrupted'));
      return begun;
    });
  const begin: LocalRepository['begin'] = (...words) => after(repository.begin(...words));
  const rehearse: LocalRepository['rehearse'] = (...words) => after(repository.rehearse(...words));
  return new Proxy(repository, {
    get: (target, name) => {
      if (name === 'begin') return begin;
      if (name === 'rehearse') return rehearse;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

for (const dryRun of [false, true]) {
  test(`an interrupt while the session begins ends the ${dryRun ? 'rehearsal' : 'run'} before it reads anything`, (t) =>
    withTemporaryDirectory(async (directory) => {
      const [store, source] = [join(directory, 'store'), join(directory, 'source')];
      await restatOk(['datastore', 'create', store]);
      mkdirSync(source);
      writeFileSync(join(source, 'file'), 'text');
      const controller = new AbortController();
      const archives: string[] = [];
      const request: BackupRequest = {
        repository: interrupting(await LocalRepository.open(store, { sync: 'none' }), controller),
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
        layout: 'split',
        detection: { archives: new Set(), budget: { all: 0.3, dead: 0.1 }, fullEvery: undefined },
        dryRun,
        onMessage: () => undefined,
        onStart: () => undefined,
        onArchive: ({ archive }) => archives.push(archive),
        onWarning: () => undefined,
        onProgress: () => undefined,
      };
      await t.throwsAsync(runBackup(request), { message: 'interrupted' });
      t.deepEqual(archives, []);
    }));
}
