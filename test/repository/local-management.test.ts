/** Who waits for whom, and what new files look like, when a datastore directory is managed (snapshot-manifest.md §6). */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { prune } from '../../src/maintenance/prune.js';
import { LocalRepository } from '../../src/repository/local/local-repository.js';
import type { Repository } from '../../src/repository/repository.js';
import { Seal } from '../../src/repository/seal.js';
import {
  backupTime,
  parseGroup,
  parseNamespace,
  parseSnapshot,
  ROOT_NAMESPACE,
} from '../../src/snapshot/names.js';
import { withGoldenStore } from '../support/golden-store.js';

const group = parseGroup('host/alpha');
const snapshot = parseSnapshot('host/alpha/2023-11-14T23:03:20Z');
const wait = { waitSeconds: 0 };
const locked = { code: 'REPOSITORY_LOCKED' };

/** The golden store, opened by two who do not know of each other. */
function withTwo<T>(use: (one: Repository, other: Repository, store: string) => Promise<T>): Promise<T> {
  return withGoldenStore(async (store) => {
    const open = () => LocalRepository.open(store, { sync: 'filesystem' });
    return use(await open(), await open(), store);
  });
}

test('while a snapshot is read its notes and log may be written; it is neither protected nor deleted', async (t) => {
  await withTwo(async (one, other) => {
    const reader = await one.open(ROOT_NAMESPACE, snapshot, wait);
    const management = other.management();
    await management.setNotes(ROOT_NAMESPACE, snapshot, 'new', wait);
    t.is(await management.notes(ROOT_NAMESPACE, snapshot), 'new');
    await management.uploadLog(ROOT_NAMESPACE, snapshot, Buffer.from('x'), wait);
    await t.throwsAsync(management.setProtected(ROOT_NAMESPACE, snapshot, true, wait), locked);
    await t.throwsAsync(management.forgetGroup(ROOT_NAMESPACE, group, wait), locked);
    await reader.close();
    await management.setProtected(ROOT_NAMESPACE, snapshot, true, wait);
    t.true(await management.isProtected(ROOT_NAMESPACE, snapshot));
  });
});

test('while a backup of a group runs its owner and notes stay and it is not deleted', async (t) => {
  await withTwo(async (one, other, store) => {
    const options = { ...wait, owner: 'root@pam', seal: Seal.none, now: 1_700_000_000 };
    const session = await one.begin(ROOT_NAMESPACE, group, backupTime(1_800_000_000), options);
    const management = other.management();
    await t.throwsAsync(management.changeOwner(ROOT_NAMESPACE, group, 'bob@pam', wait), locked);
    await t.throwsAsync(management.setGroupNotes(ROOT_NAMESPACE, group, 'x', wait), locked);
    await t.throwsAsync(management.forgetGroup(ROOT_NAMESPACE, group, wait), locked);
    await session.abort();
    await management.changeOwner(ROOT_NAMESPACE, group, 'bob@pam', wait);
    t.is(readFileSync(join(store, 'host/alpha/owner'), 'utf8'), 'bob@pam\n');
  });
});

test('what is written has the modes that a server gives it', async (t) => {
  await withTwo(async (one, _, store) => {
    const management = one.management();
    await management.setNotes(ROOT_NAMESPACE, snapshot, 'x', wait);
    await management.setProtected(ROOT_NAMESPACE, snapshot, true, wait);
    await management.uploadLog(ROOT_NAMESPACE, snapshot, Buffer.from('x'), wait);
    await management.setGroupNotes(ROOT_NAMESPACE, group, 'x', wait);
    await management.changeOwner(ROOT_NAMESPACE, group, 'bob@pam', wait);
    const mode = (path: string): number => statSync(join(store, 'host/alpha', path)).mode & 0o7777;
    for (const name of ['index.json.blob', '.protected', 'client.log.blob'])
      t.is(mode(`2023-11-14T23:03:20Z/${name}`), 0o640, name);
    for (const name of ['notes', 'owner']) t.is(mode(name), 0o644, name);
  });
});

test('what is missing is named', async (t) => {
  await withTwo(async (one) => {
    const management = one.management();
    const nobody = parseSnapshot('host/nobody/2023-11-14T23:03:20Z');
    const missing = {
      code: 'SNAPSHOT_MISSING',
      message: 'there is no snapshot [a]:host/nobody/2023-11-14T23:03:20Z',
    };
    const namespace = parseNamespace('a');
    await t.throwsAsync(management.files(namespace, nobody), missing);
    await t.throwsAsync(management.notes(namespace, nobody), missing);
    await t.throwsAsync(management.setNotes(namespace, nobody, 'x', wait), missing);
    await t.throwsAsync(management.isProtected(namespace, nobody), missing);
    await t.throwsAsync(management.setProtected(namespace, nobody, true, wait), missing);
    await t.throwsAsync(management.uploadLog(namespace, nobody, Buffer.from('x'), wait), missing);
    const noGroup = { code: 'GROUP_MISSING' };
    await t.throwsAsync(management.groupNotes(namespace, nobody), noGroup);
    await t.throwsAsync(management.changeOwner(namespace, nobody, 'a@pam', wait), noGroup);
    await t.throwsAsync(management.forgetGroup(namespace, nobody, wait), noGroup);
    await t.throwsAsync(management.deleteNamespace(namespace, { ...wait, groups: true }), {
      code: 'NAMESPACE_MISSING',
    });
  });
});

test('a snapshot that somebody else deletes meanwhile does not stop a prune', async (t) => {
  await withTwo(async (one, other) => {
    const [first] = await one.snapshots(ROOT_NAMESPACE, group);
    const slow: Repository = Object.create(one, {
      snapshots: {
        value: async () => {
          const infos = await one.snapshots(ROOT_NAMESPACE, group);
          await other.forget(ROOT_NAMESPACE, first!.snapshot, wait);
          return infos;
        },
      },
      forget: { value: one.forget.bind(one) },
      management: { value: one.management.bind(one) },
    });
    const decisions = await prune(slow, ROOT_NAMESPACE, group, { last: 1 }, { ...wait, dryRun: false });
    t.is(decisions.length, 5);
    t.is((await one.snapshots(ROOT_NAMESPACE, group)).length, 2);
  });
});

test('of two who delete the same thing at the same time one is told that it is missing', async (t) => {
  await withTwo(async (one, other) => {
    const patient = { waitSeconds: 60 };
    for (const [forget, code] of [
      [(by: Repository) => by.forget(ROOT_NAMESPACE, snapshot, patient), 'SNAPSHOT_MISSING'],
      [
        (by: Repository) => by.management().forgetGroup(ROOT_NAMESPACE, parseGroup('host/kinds'), patient),
        'GROUP_MISSING',
      ],
    ] as const) {
      const ends = await Promise.allSettled([forget(one), forget(other)]);
      const failed = ends.filter((end) => end.status === 'rejected');
      t.is(failed.length, 1);
      t.like(failed[0]?.reason, { code });
    }
  });
});
