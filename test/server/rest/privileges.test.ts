/** Whom each call refuses, and that a refused caller reaches nothing. rest-api.md §1.3, §3.1. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { endpoints } from '../../../src/server/rest/endpoints.js';
import type { Datastore } from '../../../src/server/server-context.js';
import { accessWith, type Request, type RestWorld, STORE, withContext, withGolden } from './rest-world.js';

const GROUP = 'backup-type=host&backup-id=alpha';
const SNAPSHOT = `${GROUP}&backup-time=1700003000`;
const ID = { 'backup-type': 'host', 'backup-id': 'alpha' };

/** One call with good parameters, and the privileges that its refusal names; `own`: the ones that need ownership. */
interface Row {
  readonly request: Request;
  readonly missing: string;
  readonly own?: 'Backup' | 'Prune';
}

function get(call: string, query: string, missing: string, own?: 'Backup' | 'Prune'): Row {
  const request = { method: 'GET', target: `admin/datastore/${STORE}/${call}?${query}` };
  return { request, missing, ...(own === undefined ? {} : { own }) };
}

function other(method: string, row: Row, body?: object | Buffer): Row {
  return { ...row, request: { ...row.request, method, ...(body === undefined ? {} : { body }) } };
}

const AUDIT = 'Datastore.Audit|Datastore.Backup';
const CHANGE = 'Datastore.Modify|Datastore.Backup';
const DELETE = 'Datastore.Modify|Datastore.Prune';
const READ = 'Datastore.Read|Datastore.Backup';

/** All calls about a datastore. */
const TABLE: readonly Row[] = [
  get('status', '', AUDIT),
  get('gc', '', 'Datastore.Audit'),
  get('groups', '', AUDIT),
  other('DELETE', get('groups', GROUP, DELETE, 'Prune')),
  get('snapshots', '', AUDIT),
  other('DELETE', get('snapshots', SNAPSHOT, DELETE, 'Prune')),
  get('files', SNAPSHOT, 'Datastore.Audit|Datastore.Read|Datastore.Backup', 'Backup'),
  get('notes', SNAPSHOT, AUDIT, 'Backup'),
  other('PUT', get('notes', `${SNAPSHOT}&notes=x`, CHANGE, 'Backup')),
  get('group-notes', GROUP, AUDIT, 'Backup'),
  other('PUT', get('group-notes', `${GROUP}&notes=x`, CHANGE, 'Backup')),
  get('protected', SNAPSHOT, AUDIT, 'Backup'),
  other('PUT', get('protected', `${SNAPSHOT}&protected=1`, CHANGE, 'Backup')),
  other('POST', get('change-owner', '', CHANGE), { ...ID, 'new-owner': 'bob@pbs' }),
  other('POST', get('prune', '', DELETE, 'Prune'), { ...ID, 'keep-last': 1 }),
  other('POST', get('prune-datastore', '', DELETE), { 'keep-last': 1 }),
  get('namespace', '', 'Datastore.Audit|Datastore.Modify|Datastore.Backup'),
  other('POST', get('namespace', '', 'Datastore.Modify'), { name: 'new' }),
  other('DELETE', get('namespace', 'ns=ns1', 'Datastore.Modify')),
  get('download', `${SNAPSHOT}&file-name=index.json.blob`, READ, 'Backup'),
  other('POST', get('upload-backup-log', SNAPSHOT, 'Datastore.Backup', 'Backup'), Buffer.from('x')),
  other('POST', get('gc', '', 'Datastore.Modify'), {}),
  other('POST', get('verify', '', 'Datastore.Verify|Datastore.Backup'), {}),
  other('POST', get('move-group', '', DELETE), { ...ID, 'target-ns': 'ns1' }),
  other('POST', get('move-namespace', '', 'Datastore.Modify'), { ns: 'ns1', 'target-ns': 'x' }),
  get('catalog', `${SNAPSHOT}&filepath=root`, READ, 'Backup'),
  get('download-decoded', `${SNAPSHOT}&file-name=root.pxar.didx`, READ, 'Backup'),
  get('pxar-file-download', `${SNAPSHOT}&filepath=root`, READ, 'Backup'),
];

const strangers = accessWith([['bob@pbs', 'DatastoreAdmin', '/datastore/other']]);

function nameOf({ request }: Row): string {
  return `${request.method} ${request.target.split('?')[0]}`;
}

test('The table has every call about a datastore.', (t) => {
  const declared = endpoints
    .filter(({ path }) => path.startsWith('admin/datastore/{store}/'))
    .map(({ method, path }) => `${method} ${path.replace('{store}', STORE)}`);
  t.deepEqual(TABLE.map(nameOf).sort(), declared.sort());
});

/** A datastore that nobody may ask for anything. */
function untouchable(touched: string[]): Datastore {
  return new Proxy<Datastore>({} as Datastore, {
    get: (_, name) => {
      touched.push(String(name));
      throw new Error(`the datastore was asked for its ${String(name)}`);
    },
  });
}

test('Without privileges every call is refused with the privileges that are missing; the datastore is not touched.', async (t) => {
  const touched: string[] = [];
  await withContext(new Map([[STORE, untouchable(touched)]]), async (world) => {
    for (const row of TABLE) {
      for (const authId of ['bob@pbs', 'ann@pbs!laptop', 'nobody@pam']) {
        const { status, body } = await world.call(strangers, authId, row.request);
        t.is(status, 403, nameOf(row));
        t.is(body, `permission check failed - missing ${row.missing} on /datastore/${STORE}`, nameOf(row));
      }
    }
    t.deepEqual(world.tasks.all(), []);
  });
  t.deepEqual(touched, []);
});

test('Nobody learns without privileges which datastores and namespaces there are.', (t) =>
  withGolden(async (world) => {
    for (const { request } of TABLE) {
      const elsewhere = { ...request, target: request.target.replace(STORE, 'nosuch') };
      const unknown = await world.call(strangers, 'bob@pbs', elsewhere);
      t.is(unknown.status, 403, request.target);
      const allowed = accessWith([['bob@pbs', 'Admin', '/']]);
      const said = await world.call(allowed, 'bob@pbs', elsewhere);
      t.deepEqual([said.status, said.body], [400, "no such datastore 'nosuch'"], request.target);
    }
    const list = await world.call(strangers, 'bob@pbs', { method: 'GET', target: 'admin/datastore' });
    t.deepEqual(list.body, { data: [] });
  }));

/** The golden datastore belongs to ann's token. */
async function refusesForeign(
  world: RestWorld,
  row: Row,
  role: 'DatastoreBackup' | 'DatastorePowerUser',
): Promise<unknown> {
  const access = accessWith([['bob@pbs', role]]);
  return (await world.call(access, 'bob@pbs', row.request)).body;
}

test('Who may only have its own groups is refused all others.', (t) =>
  withGolden(async (world) => {
    for (const row of TABLE.filter(({ own }) => own !== undefined)) {
      const body = await refusesForeign(
        world,
        row,
        row.own === 'Prune' ? 'DatastorePowerUser' : 'DatastoreBackup',
      );
      t.is(body, 'backup owner check failed (bob@pbs != ann@pbs!laptop)', nameOf(row));
    }
    t.true(existsSync(join(world.directory, 'host/alpha/2023-11-14T23:03:20Z/index.json.blob')));
    t.false(existsSync(join(world.directory, 'host/alpha/2023-11-14T23:03:20Z/client.log.blob')));
  }));

test('A user may have the groups of its tokens; a token may not have those of another one.', (t) =>
  withGolden(async (world) => {
    const access = accessWith([
      ['ann@pbs', 'DatastoreBackup'],
      ['ann@pbs!laptop', 'DatastoreBackup'],
      ['ann@pbs!limited', 'DatastoreBackup'],
    ]);
    const request = { method: 'GET', target: `admin/datastore/${STORE}/notes?${SNAPSHOT}` };
    const all = { method: 'GET', target: `admin/datastore/${STORE}/snapshots` };
    for (const authId of ['ann@pbs', 'ann@pbs!laptop']) {
      t.is((await world.call(access, authId, request)).status, 200);
      t.regex(JSON.stringify((await world.call(access, authId, all)).body), /"alpha"/);
    }
    t.is((await world.call(access, 'ann@pbs!limited', request)).status, 400);
    t.deepEqual((await world.call(access, 'ann@pbs!limited', all)).body, { data: [] });
  }));

test('Only the owner uploads a log, whatever else it may do.', (t) =>
  withGolden(async (world) => {
    const access = accessWith([['bob@pbs', 'Admin', '/']]);
    const target = `admin/datastore/${STORE}/upload-backup-log?${SNAPSHOT}`;
    const { body } = await world.call(access, 'bob@pbs', { method: 'POST', target, body: Buffer.from('x') });
    t.is(body, 'backup owner check failed (bob@pbs != ann@pbs!laptop)');
  }));

test('What a later version will do says so, to whom it would be allowed.', (t) =>
  withGolden(async (world) => {
    const access = accessWith([['bob@pbs', 'Admin', '/']]);
    const later = /\/(?:gc|verify|move-group|move-namespace|catalog|download-decoded|pxar-file-download)\b/;
    for (const row of TABLE.filter(({ request }) => later.test(request.target))) {
      const { status, body } = await world.call(access, 'bob@pbs', row.request);
      if (nameOf(row) === `GET admin/datastore/${STORE}/gc`) {
        t.is(status, 200);
        continue;
      }
      t.is(status, 501, nameOf(row));
      t.regex(String(body), /^[a-z ]+ is not implemented yet by restat serve$/, nameOf(row));
    }
  }));

test('Privileges below the root of a datastore show what is there and no figures of the whole.', (t) =>
  withGolden(async (world) => {
    const access = accessWith([['bob@pbs', 'DatastoreAudit', `/datastore/${STORE}/ns1`]]);
    const get = async (target: string): Promise<unknown> =>
      (await world.call(access, 'bob@pbs', { method: 'GET', target })).body;
    t.deepEqual(await get(`admin/datastore/${STORE}/namespace`), {
      data: [{ ns: '' }, { ns: 'ns1' }, { ns: 'ns1/ns2' }],
    });
    t.deepEqual(await get(`admin/datastore/${STORE}/status`), {
      data: { total: 0, used: 0, avail: 0, 'backend-type': 'filesystem' },
    });
    t.like(await get(`admin/datastore/${STORE}/status?verbose=1`), {
      data: { total: 0, counts: { host: { groups: 1, snapshots: 2 }, ct: null, vm: null, other: null } },
    });
    t.is(
      await get(`admin/datastore/${STORE}/groups`),
      `permission check failed - missing ${AUDIT} on /datastore/${STORE}`,
    );
    t.regex(JSON.stringify(await get(`admin/datastore/${STORE}/groups?ns=ns1/ns2`)), /"beta"/);
    t.deepEqual(await get('admin/datastore'), {
      data: [{ store: STORE, 'mount-status': 'nonremovable', 'backend-type': 'filesystem' }],
    });
  }));
