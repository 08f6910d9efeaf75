import test from 'ava';
import { type Access, findToken, noAccess } from '../../../src/server/access/access.js';
import * as changes from '../../../src/server/access/access-changes.js';
import { impossibleHash } from '../../../src/server/access/secret-hash.js';

const hash = impossibleHash({ n: 2, r: 1, p: 1 });
const entry = { path: '/datastore/abc', authId: 'ann@pbs!laptop', role: 'DatastoreBackup' };
const everywhere = { propagate: true };

function sample(): Access {
  let access = changes.addUser(noAccess(), 'ann@pbs', {}, hash);
  access = changes.addToken(access, 'ann@pbs!laptop', {}, hash);
  access = changes.addUser(access, 'bob@pbs', {}, undefined);
  access = changes.setAcl(access, entry, everywhere);
  access = changes.setAcl(access, { ...entry, authId: 'ann@pbs' }, everywhere);
  return changes.setAcl(access, { ...entry, authId: 'bob@pbs' }, everywhere);
}

const ids = ({ acl }: Access): string[] => acl.map(({ authId }) => authId);

test('a removed user takes tokens and permissions along', (t) => {
  const left = changes.removeUser(sample(), 'ann@pbs');
  t.deepEqual([...left.users.keys()], ['bob@pbs']);
  t.deepEqual(ids(left), ['bob@pbs']);
  t.deepEqual([...left.table.keys()], ['bob@pbs']);
});

test('a removed token takes its permissions along, its user stays', (t) => {
  const left = changes.removeToken(sample(), 'ann@pbs!laptop');
  t.deepEqual([...left.users.keys()].sort(), ['ann@pbs', 'bob@pbs']);
  t.is(findToken(left, 'ann@pbs!laptop'), undefined);
  t.deepEqual(ids(left), ['ann@pbs', 'bob@pbs']);
});

test('an entry is given once, changed in place, and taken away', (t) => {
  const changed = changes.setAcl(sample(), entry, { propagate: false });
  t.is(changed.acl.length, 3);
  t.false(changed.acl.find(({ authId }) => authId === entry.authId)?.propagate);
  const more = changes.setAcl(changed, { ...entry, role: 'DatastoreAudit' }, everywhere);
  t.is(more.acl.length, 4);
  const less = changes.removeAcl(more, entry);
  t.deepEqual(
    less.acl.filter(({ authId }) => authId === entry.authId).map(({ role }) => role),
    ['DatastoreAudit'],
  );
});

test('what is said of users and tokens changes alone, secrets stay', (t) => {
  let access = changes.updateUser(sample(), 'ann@pbs', { enable: false });
  access = changes.updateUser(access, 'ann@pbs', { comment: 'c', expire: 5 });
  access = changes.updateToken(access, 'ann@pbs!laptop', { enable: false });
  const { enable, expire, comment, password } = access.users.get('ann@pbs')!;
  t.deepEqual(
    { enable, expire, comment, password },
    { enable: false, expire: 5, comment: 'c', password: hash },
  );
  t.deepEqual(findToken(access, 'ann@pbs!laptop')?.token, {
    name: 'laptop',
    enable: false,
    expire: 0,
    comment: '',
    secret: hash,
  });
});

test('a change leaves the state that it was made from as it was', (t) => {
  const before = sample();
  changes.removeUser(before, 'ann@pbs');
  t.is(before.users.size, 2);
  t.is(before.acl.length, 3);
});

test('what cannot be is refused', (t) => {
  const access = sample();
  const refused: readonly (readonly [string, () => Access])[] = [
    ['ACCESS_EXISTS', () => changes.addUser(access, 'ann@pbs', {}, hash)],
    ['ACCESS_NAME', () => changes.addUser(access, 'ann', {}, hash)],
    ['ACCESS_NAME', () => changes.addUser(access, 'eve@pbs', { comment: 'a\nb' }, hash)],
    ['ACCESS_NAME', () => changes.updateUser(access, 'ann@pbs', { expire: 0.5 })],
    ['ACCESS_UNKNOWN', () => changes.removeUser(access, 'eve@pbs')],
    ['ACCESS_NAME', () => changes.removeUser(access, 'e\0')],
    ['ACCESS_UNKNOWN', () => changes.setPassword(access, 'eve@pbs', hash)],
    ['ACCESS_EXISTS', () => changes.addToken(access, 'ann@pbs!laptop', {}, hash)],
    ['ACCESS_UNKNOWN', () => changes.addToken(access, 'eve@pbs!laptop', {}, hash)],
    ['ACCESS_NAME', () => changes.addToken(access, 'ann@pbs', {}, hash)],
    ['ACCESS_UNKNOWN', () => changes.removeToken(access, 'ann@pbs!other')],
    ['ACCESS_UNKNOWN', () => changes.updateToken(access, 'eve@pbs!other', {})],
    ['ACCESS_NAME', () => changes.setAcl(access, { ...entry, role: 'constructor' }, everywhere)],
    ['ACCESS_NAME', () => changes.setAcl(access, { ...entry, path: '/x' }, everywhere)],
    ['ACCESS_UNKNOWN', () => changes.setAcl(access, { ...entry, authId: 'eve@pbs' }, everywhere)],
    ['ACCESS_UNKNOWN', () => changes.setAcl(access, { ...entry, authId: 'ann@pbs!other' }, everywhere)],
    ['ACCESS_UNKNOWN', () => changes.removeAcl(access, { ...entry, role: 'Admin' })],
  ];
  for (const [code, change] of refused) t.throws(change, { code });
});
