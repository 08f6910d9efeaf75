/** Calls that change snapshots, groups and namespaces. rest-api.md §3. */

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { LocalRepository } from '../../../src/repository/local/local-repository.js';
import { Seal } from '../../../src/repository/seal.js';
import { encodeBlob } from '../../../src/snapshot/blob.js';
import { backupTime, parseGroup, parseSnapshot, ROOT_NAMESPACE } from '../../../src/snapshot/names.js';
import { ALPHA, access, ask, LAPTOP, queryOf, said, TIMES } from './datastore-calls.js';
import { addSnapshot, plainSnapshot } from './recorded-store.js';
import { type RestWorld, withEmptyStore, withGolden } from './rest-world.js';

const OLDEST = { ...ALPHA, 'backup-time': TIMES[0]! };
const MISSING = { ...ALPHA, 'backup-time': 1_234_567_890 };
const ENOENT = 'ENOENT: No such file or directory';
const OK = [200, { data: null }] as const;

function snapshots({ directory }: RestWorld, group = 'host/alpha'): string[] {
  return readdirSync(join(directory, group)).filter((name) => name.startsWith('20'));
}

test('A group with a protected snapshot is deleted but for that one.', (t) =>
  withGolden(async (world) => {
    const forget = (values = {}): Promise<readonly [number, unknown]> =>
      said(ask(world, ['DELETE', 'groups'], { ...ALPHA, ...values }));
    t.deepEqual(await forget(), [400, 'group only partially deleted due to protected snapshots']);
    t.deepEqual(snapshots(world), ['2023-11-14T22:46:40Z']);
    const stats = { 'removed-groups': 0, 'removed-snapshots': 0, 'protected-snapshots': 1 };
    t.deepEqual(await forget({ 'error-on-protected': false }), [200, { data: stats }]);
    const path = join(world.directory, 'host/nothing');
    t.deepEqual(await said(ask(world, ['DELETE', 'groups'], { ...ALPHA, 'backup-id': 'nothing' })), [
      400,
      `read dir "${path}" - ${ENOENT}`,
    ]);
  }));

test('What is missing is missed in the words of a server.', (t) =>
  withGolden(async (world) => {
    const manifest = JSON.stringify(join(world.directory, 'host/alpha/2009-02-13T23:31:30Z/index.json.blob'));
    const blob = `unable to load blob '${manifest}' - No such file or directory (os error 2)`;
    t.deepEqual(await said(ask(world, ['GET', 'notes'], MISSING)), [400, blob]);
    t.deepEqual(await said(ask(world, ['PUT', 'notes'], { ...MISSING, notes: 'x' })), [
      400,
      `unable to update manifest blob - ${blob}`,
    ]);
    t.deepEqual(await said(ask(world, ['GET', 'protected'], MISSING)), [400, ENOENT]);
    t.deepEqual(await said(ask(world, ['PUT', 'protected'], { ...MISSING, protected: true })), [400, ENOENT]);
    t.deepEqual(await said(ask(world, ['GET', 'files'], MISSING)), [400, ENOENT]);
    const nothing = { ...ALPHA, 'backup-id': 'nothing' };
    t.deepEqual(await said(ask(world, ['GET', 'group-notes'], nothing)), [400, ENOENT]);
    const owner = JSON.stringify(join(world.directory, 'host/nothing/owner'));
    t.deepEqual(await said(ask(world, ['GET', 'group-notes'], nothing, 'bob@pbs')), [
      400,
      `unable to read ${owner} - No such file or directory (os error 2)`,
    ]);
  }));

test('A snapshot without a manifest is shown with its names, and has no list of files.', (t) =>
  withGolden(async (world) => {
    const place = join(world.directory, 'host/alpha/2009-02-13T23:31:30Z');
    mkdirSync(place);
    writeFileSync(join(place, 'a.conf.blob'), 'x');
    const { body } = await ask(world, ['GET', 'snapshots'], ALPHA);
    t.like(body, {
      data: [{ ...MISSING, files: [{ filename: 'a.conf.blob' }], size: undefined, protected: false }],
    });
    t.deepEqual(await said(ask(world, ['GET', 'files'], MISSING)), [
      400,
      "manifest not found for snapshot 'host/alpha/2009-02-13T23:31:30Z'",
    ]);
    writeFileSync(join(place, 'index.json.blob'), 'damaged manifest');
    t.regex(String((await ask(world, ['GET', 'files'], MISSING)).body), /index\.json\.blob.*not a blob/);
    const { body: again } = await ask(world, ['GET', 'snapshots'], ALPHA);
    t.like(again, { data: [{ files: [{ filename: 'a.conf.blob' }, { filename: 'index.json.blob' }] }] });
  }));

test('Notes of a group are set, shown and removed.', (t) =>
  withGolden(async (world) => {
    const notes = (): Promise<readonly [number, unknown]> => said(ask(world, ['GET', 'group-notes'], ALPHA));
    t.deepEqual(await said(ask(world, ['PUT', 'group-notes'], { ...ALPHA, notes: 'a\nb' })), OK);
    t.deepEqual(await notes(), [200, { data: 'a\nb' }]);
    t.deepEqual(await said(ask(world, ['PUT', 'group-notes'], { ...ALPHA, notes: '' })), OK);
    t.deepEqual(await notes(), [200, { data: '' }]);
  }));

test('What somebody else uses is neither deleted nor changed, and the call does not wait.', (t) =>
  withGolden(async (world) => {
    const other = await LocalRepository.open(world.directory, { sync: 'none' });
    const options = { waitSeconds: 0, owner: LAPTOP, seal: Seal.none, now: 1_700_000_000 };
    const session = await other.begin(
      ROOT_NAMESPACE,
      parseGroup('host/alpha'),
      backupTime(1_800_000_000),
      options,
    );
    t.deepEqual(await said(ask(world, ['DELETE', 'snapshots'], OLDEST)), [
      400,
      'failed to delete snapshot - "host/alpha is locked by another process"',
    ]);
    const locked = [400, 'host/alpha is locked by another process'] as const;
    t.deepEqual(await said(ask(world, ['DELETE', 'groups'], ALPHA)), locked);
    t.deepEqual(await said(ask(world, ['PUT', 'group-notes'], { ...ALPHA, notes: 'x' })), locked);
    t.deepEqual(
      await said(ask(world, ['POST', 'change-owner'], { ...ALPHA, 'new-owner': 'ann@pbs' })),
      locked,
    );
    await session.abort();
    const snapshot = parseSnapshot('host/alpha/2023-11-14T22:30:00Z');
    const reader = await other.open(ROOT_NAMESPACE, snapshot, { waitSeconds: 0 });
    const read = 'host/alpha/2023-11-14T22:30:00Z is locked by another process';
    t.deepEqual(await said(ask(world, ['DELETE', 'snapshots'], OLDEST)), [
      400,
      `failed to delete snapshot - "${read}"`,
    ]);
    t.deepEqual(await said(ask(world, ['PUT', 'protected'], { ...OLDEST, protected: true })), [400, read]);
    await reader.close();
    t.deepEqual(await said(ask(world, ['DELETE', 'snapshots'], OLDEST)), OK);
    t.is(snapshots(world).length, 4);
  }));

test('A group is given to somebody who can use it, by whom that is allowed to.', (t) =>
  withGolden(async (world) => {
    const give = (newOwner: string, authId = LAPTOP, group = ALPHA): Promise<readonly [number, unknown]> =>
      said(ask(world, ['POST', 'change-owner'], { ...group, 'new-owner': newOwner }, authId));
    const unusable = (name: string): readonly [number, string] => [
      400,
      `new owner '${name}' is inactive or does not exist`,
    ];
    t.deepEqual(await give('old@pbs'), unusable('old@pbs'));
    t.deepEqual(await give('eve@pbs'), unusable('eve@pbs'));
    t.deepEqual(await give('ann@pbs!none'), unusable('ann@pbs!none'));
    t.is((await give('no name'))[0], 400);
    t.deepEqual(await give('bob@pbs', 'bob@pbs'), [401, 'bob@pbs may not give this group to bob@pbs']);
    t.deepEqual(await give('bob@pbs'), OK);
    t.is(readFileSync(join(world.directory, 'host/alpha/owner'), 'utf8'), 'bob@pbs\n');
    t.deepEqual(await give('ann@pbs', 'bob@pbs'), [401, 'bob@pbs may not give this group to ann@pbs']);
    t.deepEqual(await give('bob@pbs', 'bob@pbs'), OK);
  }));

test('Namespaces are made below one that exists, and deleted with what is in them.', (t) =>
  withEmptyStore(async (world) => {
    const make = (parent: string, name: string): Promise<readonly [number, unknown]> =>
      said(ask(world, ['POST', 'namespace'], { parent, name }));
    const remove = (ns: string, values = {}): Promise<readonly [number, unknown]> =>
      said(ask(world, ['DELETE', 'namespace'], { ns, ...values }));
    let parent = '';
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
      const namespace = parent === '' ? name : `${parent}/${name}`;
      t.deepEqual(await make(parent, name), [200, { data: namespace }]);
      parent = namespace;
    }
    t.is((await make(parent, 'h'))[0], 400);
    t.deepEqual(await make('', 'a'), [200, { data: 'a' }]);
    t.regex(String((await make('', 'x'.repeat(33)))[1]), /'name': value may only be 32 characters long/);
    t.deepEqual(await remove(''), [400, 'Cannot create/delete root namespace!']);
    const missing = join(world.directory, 'ns/none');
    t.deepEqual(await remove('none'), [400, `read dir "${missing}" - ${ENOENT}`]);
    addSnapshot(world.directory, plainSnapshot('x', 1_700_000_000, ['a.conf.blob'], LAPTOP), 'a/b');
    const kept = { ...ALPHA, 'backup-id': 'x', ns: 'a/b', 'backup-time': 1_700_000_000 };
    t.deepEqual(await said(ask(world, ['PUT', 'protected'], { ...kept, protected: 'yes' })), OK);
    t.deepEqual(await remove('a', { 'delete-groups': true }), [
      400,
      'only partially deleted due to protected snapshots',
    ]);
    const stats = { 'removed-groups': 0, 'removed-snapshots': 0, 'protected-snapshots': 1 };
    const lenient = { 'delete-groups': true, 'error-on-protected': false };
    t.deepEqual(await remove('a', lenient), [200, { data: stats }]);
    t.deepEqual(await said(ask(world, ['GET', 'namespace'], {})), [
      200,
      { data: [{ ns: '' }, { ns: 'a' }, { ns: 'a/b' }] },
    ]);
  }));

test('Files of a snapshot are given as they are stored, and nothing else.', (t) =>
  withGolden(async (world) => {
    const get = (name: string, time = OLDEST): Promise<readonly [number, unknown]> =>
      said(ask(world, ['GET', 'download'], { ...time, 'file-name': name }));
    const place = join(world.directory, 'host/alpha/2023-11-14T22:30:00Z');
    for (const name of ['index.json.blob', 'root.pxar.didx'])
      t.deepEqual(await get(name), [200, readFileSync(join(place, name))]);
    mkdirSync(join(place, 'd.blob'));
    symlinkSync('/etc/passwd', join(place, 'l.blob'));
    writeFileSync(join(place, 'empty.blob'), '');
    t.deepEqual(await get('empty.blob'), [200, Buffer.alloc(0)]);
    for (const name of ['d.blob', 'l.blob', 'none.blob']) {
      t.deepEqual(await get(name), [404, `open file "${join(place, name)}" failed - not found`]);
    }
    t.is((await get('index.json.blob', MISSING))[0], 404);
    for (const name of ['../owner', '.protected', '..', 'a/b', ''])
      t.regex(String((await get(name))[1]), /'file-name': value /, name);
  }));

test('Only a whole blob is taken as a log.', (t) =>
  withGolden(async (world) => {
    const { context } = world;
    const query = queryOf(OLDEST);
    const target = `admin/datastore/vectors/upload-backup-log?${query}`;
    const upload = (body: Buffer): Promise<readonly [number, unknown]> =>
      said(world.call(access, LAPTOP, { method: 'POST', target, body }));
    const blob = encodeBlob(Buffer.from('what happened'), 'x', { compress: false });
    const damaged = Buffer.from(blob);
    damaged[damaged.length - 1]! ^= 1;
    t.deepEqual(await upload(Buffer.from('no blob at all')), [400, 'unable to parse raw blob - wrong magic']);
    t.deepEqual(await upload(damaged), [400, 'Data blob has wrong CRC checksum.']);
    t.is((await upload(blob.subarray(0, 9)))[0], 400);
    t.deepEqual(await upload(blob), OK);
    t.deepEqual(await upload(blob), [400, 'backup already contains a log.']);
    const stored = join(world.directory, 'host/alpha/2023-11-14T22:30:00Z/client.log.blob');
    t.deepEqual(readFileSync(stored), blob);
    t.is(context.tasks.all().length, 0);
  }));
