import test from 'ava';
import fc from 'fast-check';
import { type AclEntry, datastorePath, parseAclPath } from '../../../src/server/access/acl.js';
import {
  type AclTable,
  aclTable,
  hasAnyBelow,
  privilegesOn,
  requireAny,
  requireForUpgrade,
} from '../../../src/server/access/privileges.js';
import { PRIVILEGES, type Privilege, ROLES, type Role } from '../../../src/server/access/roles.js';
import { parseNamespace } from '../../../src/snapshot/names.js';

const ROLE_LIST: readonly Role[] = [
  'Admin',
  'Audit',
  'DatastoreAdmin',
  'DatastoreReader',
  'DatastoreBackup',
  'DatastorePowerUser',
  'DatastoreAudit',
  'NoAccess',
];
const ALL_PATHS = [
  '/',
  '/system',
  '/system/tasks',
  '/datastore',
  ...['abc', 'abcd'].flatMap((store) => [
    `/datastore/${store}`,
    ...['a', 'b', 'a/a', 'a/b', 'a/a/a'].map((namespace) => `/datastore/${store}/${namespace}`),
  ]),
];
const IDS = ['ann@pbs', 'ann@pbs!laptop', 'bob@pbs', 'root@pam', 'root@pam!tok'];

const entries: fc.Arbitrary<AclEntry[]> = fc.array(
  fc.record({
    path: fc.constantFrom(...ALL_PATHS),
    authId: fc.constantFrom(...IDS),
    role: fc.constantFrom(...ROLE_LIST),
    propagate: fc.boolean(),
  }),
  { maxLength: 14 },
);

function isAtOrBelow(path: string, above: string): boolean {
  return above === '/' || path === above || path.startsWith(`${above}/`);
}

/** One privilege at a time, from the entries themselves: who stands nearest decides. */
function naive(acl: readonly AclEntry[], authId: string, path: string, privilege: Privilege): boolean {
  if (authId === 'root@pam') return true;
  const counting = acl.filter(
    (entry) =>
      entry.authId === authId && (entry.path === path || (entry.propagate && isAtOrBelow(path, entry.path))),
  );
  const depth = Math.max(...counting.map((entry) => entry.path.length));
  const nearest = counting.filter((entry) => entry.path.length === depth);
  const allowed =
    nearest.every(({ role }) => role !== 'NoAccess') &&
    nearest.some(({ role }) => (ROLES[role] as readonly Privilege[]).includes(privilege));
  const [user, token] = authId.split('!');
  return allowed && (token === undefined || naive(acl, user!, path, privilege));
}

const table = (...acl: AclEntry[]): AclTable => aclTable(acl);
const give = (authId: string, path: string, role: Role, propagate = true): AclEntry => ({
  authId,
  path,
  role,
  propagate,
});

test('privileges are those of a naive reading of the entries', (t) => {
  fc.assert(
    fc.property(entries, fc.constantFrom(...IDS), fc.constantFrom(...ALL_PATHS), (acl, authId, path) => {
      const have = privilegesOn(aclTable(acl), authId, path);
      return PRIVILEGES.every((privilege) => have.has(privilege) === naive(acl, authId, path, privilege));
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('something below a path is allowed if it is on one of the paths there, named or not', (t) => {
  const places = ALL_PATHS.flatMap((path) => [path, `${path === '/' ? '' : path}/unnamed`]);
  const wanted = fc.uniqueArray(fc.constantFrom(...PRIVILEGES), { minLength: 1, maxLength: 2 });
  fc.assert(
    fc.property(
      entries,
      fc.constantFrom(...IDS),
      fc.constantFrom(...ALL_PATHS),
      wanted,
      (acl, authId, path, any) => {
        const expected = places
          .filter((place) => isAtOrBelow(place, path))
          .some((place) => any.some((privilege) => naive(acl, authId, place, privilege)));
        return hasAnyBelow(aclTable(acl), authId, path, any) === expected;
      },
    ),
    { numRuns: 3000 },
  );
  t.pass();
});

test('a token never has a privilege that its user lacks', (t) => {
  fc.assert(
    fc.property(entries, fc.constantFrom(...ALL_PATHS), (acl, path) => {
      const users = privilegesOn(aclTable(acl), 'ann@pbs', path);
      return [...privilegesOn(aclTable(acl), 'ann@pbs!laptop', path)].every((one) => users.has(one));
    }),
  );
  t.pass();
});

test('nobody has anything without an entry, root@pam everything, its tokens nothing', (t) => {
  t.deepEqual([...privilegesOn(table(), 'ann@pbs', '/')], []);
  t.deepEqual([...privilegesOn(table(), 'root@pam', '/datastore/abc')], [...PRIVILEGES]);
  t.deepEqual([...privilegesOn(table(), 'root@pam!tok', '/')], []);
  const own = table(give('root@pam!tok', '/datastore/abc', 'DatastoreBackup'));
  t.deepEqual([...privilegesOn(own, 'root@pam!tok', '/datastore/abc/a')], ['Datastore.Backup']);
});

test('deeper entries replace shallower ones, and NoAccess forbids what others on its path allow', (t) => {
  const acl = table(
    give('ann@pbs', '/', 'Admin'),
    give('ann@pbs', '/datastore/abc', 'DatastoreAudit'),
    give('ann@pbs', '/datastore/abc/a', 'DatastoreBackup', false),
    give('ann@pbs', '/datastore/abcd', 'DatastoreAdmin'),
    give('ann@pbs', '/datastore/abcd', 'NoAccess'),
  );
  const on = (path: string): Privilege[] => [...privilegesOn(acl, 'ann@pbs', path)];
  t.deepEqual(on('/system/tasks'), [...PRIVILEGES]);
  t.deepEqual(on('/datastore/abc'), ['Datastore.Audit']);
  t.deepEqual(on('/datastore/abc/a'), ['Datastore.Backup']);
  t.deepEqual(on('/datastore/abc/a/b'), ['Datastore.Audit']);
  t.deepEqual(on('/datastore/abcd/a'), []);
});

test('a refusal has the words of the recorded server', (t) => {
  const acl = table(
    give('ann@pbs', '/datastore/vectors', 'DatastoreAdmin'),
    give('ann@pbs!limited', '/datastore/vectors', 'DatastoreBackup'),
  );
  const path = datastorePath('vectors', parseNamespace(''));
  t.throws(() => requireAny(acl, 'ann@pbs!limited', path, ['Datastore.Prune', 'Datastore.Modify']), {
    code: 'ACCESS_PERMISSION',
    message: 'permission check failed - missing Datastore.Modify|Datastore.Prune on /datastore/vectors',
  });
  t.throws(() => requireForUpgrade(acl, 'ann@pbs', '/datastore/nosuch', 'Datastore.Backup'), {
    code: 'ACCESS_PERMISSION',
    message: "missing permissions 'Datastore.Backup' on '/datastore/nosuch'",
  });
  t.notThrows(() => requireAny(acl, 'ann@pbs!limited', path, ['Datastore.Audit', 'Datastore.Backup']));
  t.notThrows(() => requireForUpgrade(acl, 'ann@pbs!limited', path, 'Datastore.Backup'));
});

test('permissions stand on the paths of datastores, namespaces and tasks only', (t) => {
  for (const path of [...ALL_PATHS, '/datastore/abc/a/b/c/d/e/f/g']) t.is(parseAclPath(path), path);
  t.is(datastorePath('abc', parseNamespace('a/b')), '/datastore/abc/a/b');
  const bad = [
    '',
    'datastore',
    '/datastore/',
    '/datastore/ab',
    '/datastore/abc/',
    '/datastore//abc',
    '/x',
    '//',
  ];
  const long = ['/datastore/abc/a/b/c/d/e/f/g/h', `/datastore/${'s'.repeat(33)}`, '/a'.repeat(100_000)];
  for (const path of [...bad, ...long, '/datastore/abc/..', '/datastore/abc/a\0', '/system/x'])
    t.throws(() => parseAclPath(path), { code: 'ACCESS_NAME' });
});
