/** Groups that lost their `owner` file: nobody gets them by asking first. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { LocalRepository } from '../../../src/repository/local/local-repository.js';
import { MANIFEST_NAME } from '../../../src/snapshot/archive-names.js';
import { encodeManifest } from '../../../src/snapshot/manifest.js';
import { formatSnapshot, parseSnapshot, ROOT_NAMESPACE } from '../../../src/snapshot/names.js';
import { backUp, begun, plainChunk, refused, TestSession, upgradeOnce } from './session-client.js';
import { LAPTOP, LIMITED, type SessionWorld, withSessions } from './session-world.js';

const CHUNK = plainChunk(Buffer.from('what somebody backed up '.repeat(100)));
const LATER = 1_700_000_100;

/** A snapshot of a group without owner; one without manifest is not finished. */
function addOrphan({ store }: SessionWorld, name: string, { finished = true } = {}): string {
  const snapshot = parseSnapshot(name);
  const directory = join(store, formatSnapshot(snapshot));
  mkdirSync(directory, { recursive: true });
  const bytes = encodeManifest({ snapshot, files: [], signature: null, unprotected: {} });
  if (finished) writeFileSync(join(directory, MANIFEST_NAME), bytes);
  return join(directory, '../owner');
}

function noOwner({ store }: SessionWorld, id: string): string {
  return `unable to read "${store}/host/${id}/owner" - No such file or directory (os error 2)`;
}

test('a group without owner is read by who may read everything, and by nobody else', (t) =>
  withSessions(async (world) => {
    await backUp(world, [CHUNK]);
    rmSync(join(world.store, 'host/pc/owner'));
    const { status, text } = await refused(world, { kind: 'reader', authId: LIMITED });
    t.is(status, 400);
    t.is(text, noOwner(world, 'pc'));
    const reader = await begun(world, { kind: 'reader', authId: LAPTOP });
    t.is((await reader.call('GET', '/download', { 'file-name': 'a.pxar.didx' })).status, 200);
    await reader.close();
  }));

test('of a group without owner a snapshot that is missing is just missing', (t) =>
  withSessions(async (world) => {
    addOrphan(world, 'host/orphan/2023-11-14T22:13:20Z');
    for (const id of ['orphan', 'none']) {
      const { status, text } = await refused(world, { kind: 'reader', authId: LIMITED, id, time: LATER });
      t.is(status, 400);
      t.is(text, `snapshot host/${id}/2023-11-14T22:15:00Z does not exist.`);
    }
  }));

test.serial('a snapshot that appears while its reader comes in is not read by strangers', (t) =>
  withSessions(async (world) => {
    const { hold } = LocalRepository.prototype;
    t.teardown(() => {
      LocalRepository.prototype.hold = hold;
    });
    LocalRepository.prototype.hold = async function (this: LocalRepository, ...place) {
      await backUp(world, [CHUNK]);
      return hold.apply(this, place);
    };
    const { status, text } = await refused(world, { kind: 'reader', authId: LIMITED });
    t.is(status, 400);
    t.is(text, 'backup owner check failed!');
    // The snapshot is free again.
    const repository = await LocalRepository.open(world.store, { sync: 'none' });
    await repository.forget(ROOT_NAMESPACE, parseSnapshot('host/pc/2023-11-14T22:13:20Z'), {
      waitSeconds: 0,
    });
  }),
);

for (const finished of [true, false]) {
  test(`nobody becomes the owner of a ${finished ? 'finished' : 'growing'} snapshot by a backup`, (t) =>
    withSessions(async (world) => {
      const owner = addOrphan(world, 'host/pc/2023-11-14T22:13:20Z', { finished });
      for (const authId of [LIMITED, LAPTOP]) {
        const { status, text } = await refused(world, { authId, time: LATER });
        t.is(status, 400);
        t.is(text, noOwner(world, 'pc'));
        t.false(existsSync(owner));
      }
      writeFileSync(owner, `${LIMITED}\n`);
      await backUp(world, [CHUNK], { authId: LIMITED, time: LATER });
    }));
}

test('a group that a killed run left without owner belongs to the first who backs up', (t) =>
  withSessions(async (world) => {
    const group = join(world.store, 'host/pc');
    mkdirSync(join(group, '.restat-2023-11-14T22:13:20Z-0123456789ab'), { recursive: true });
    await backUp(world, [CHUNK], { authId: LIMITED });
    t.is(readFileSync(join(group, 'owner'), 'utf8'), `${LIMITED}\n`);
  }));

test('of two who begin a new group at once one becomes its owner, and stays that', (t) =>
  withSessions(async (world) => {
    const rivals = [LAPTOP, LIMITED];
    const results = await Promise.all(rivals.map((authId) => upgradeOnce(world, { authId })));
    const winner = results.findIndex((each) => each instanceof TestSession);
    const [session, refusal] = [results[winner], results[1 - winner]];
    if (!(session instanceof TestSession) || refusal === undefined || refusal instanceof TestSession)
      return t.fail('one of them should have begun');
    t.regex(refusal.text, /^unable to acquire backup group lock/);
    const owner = join(world.store, 'host/pc/owner');
    t.is(readFileSync(owner, 'utf8'), `${rivals[winner]}\n`);
    await session.close();
    t.is(readFileSync(owner, 'utf8'), `${rivals[winner]}\n`);
  }));

test('a benchmark gets nothing of the snapshots of its group, and does not become their owner', (t) =>
  withSessions(async (world) => {
    const owner = addOrphan(world, 'host/benchmark/2023-11-14T22:13:20Z');
    for (const text of [undefined, `${LAPTOP}\n`]) {
      if (text !== undefined) writeFileSync(owner, text);
      const more = { benchmark: 'true' };
      const session = await begun(world, { authId: LIMITED, id: 'benchmark', time: LATER, more });
      t.is((await session.call('GET', '/previous_backup_time')).text, '{"data":null}');
      const file = await session.call('GET', '/previous', { 'archive-name': MANIFEST_NAME });
      t.is(file.status, 400);
      t.is(file.text, 'no valid previous backup');
      await session.close();
      t.is(existsSync(owner), text !== undefined);
    }
  }));
