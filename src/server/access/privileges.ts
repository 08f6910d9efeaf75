/** What an auth id may do on a path. rest-api.md §1.3. */
import type { AclEntry } from './acl.js';
import { SUPERUSER, splitTokenId } from './auth-id.js';
import { AccessError } from './errors.js';
import { PRIVILEGES, type Privilege, ROLES, type Role } from './roles.js';

/** Entries by auth id and path; made once and asked often. */
export type AclTable = ReadonlyMap<string, ReadonlyMap<string, readonly AclEntry[]>>;

/** Puts entries where they are found at once. */
export function aclTable(entries: readonly AclEntry[]): AclTable {
  const table = new Map<string, Map<string, AclEntry[]>>();
  for (const entry of entries) {
    const paths = table.get(entry.authId) ?? new Map<string, AclEntry[]>();
    const here = paths.get(entry.path) ?? [];
    here.push(entry);
    paths.set(entry.path, here);
    table.set(entry.authId, paths);
  }
  return table;
}

/** A path's ancestors from the root down, and itself. */
function steps(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

/** What entries of this one id allow; the deepest path with an entry that counts decides, and NoAccess there forbids all. */
function granted(paths: ReadonlyMap<string, readonly AclEntry[]>, path: string): ReadonlySet<Privilege> {
  let roles: readonly Role[] = [];
  for (const step of steps(path)) {
    const here = (paths.get(step) ?? []).filter(({ propagate }) => propagate || step === path);
    if (here.length > 0) roles = here.map(({ role }) => role);
  }
  return new Set(
    roles.includes('NoAccess') ? [] : roles.flatMap((role): readonly Privilege[] => ROLES[role]),
  );
}

/** What an auth id may do on a path. A token may at most what its user may; the superuser may everything. */
export function privilegesOn(table: AclTable, authId: string, path: string): ReadonlySet<Privilege> {
  if (authId === SUPERUSER) return new Set(PRIVILEGES);
  const own = granted(table.get(authId) ?? new Map(), path);
  const user = splitTokenId(authId)?.userId;
  if (user === undefined) return own;
  const users = privilegesOn(table, user, path);
  return new Set([...own].filter((privilege) => users.has(privilege)));
}

/** True if the auth id has one of the privileges on the path. */
export function hasAny(table: AclTable, authId: string, path: string, wanted: readonly Privilege[]): boolean {
  const have = privilegesOn(table, authId, path);
  return wanted.some((privilege) => have.has(privilege));
}

/** No name of a datastore or namespace: stands for all those that no entry names. */
const UNNAMED = '*';

/** True if the auth id has one of the privileges on the path or somewhere below it, whether or not that exists. */
export function hasAnyBelow(
  table: AclTable,
  authId: string,
  path: string,
  wanted: readonly Privilege[],
): boolean {
  const prefix = path === '/' ? '/' : `${path}/`;
  const user = splitTokenId(authId)?.userId ?? authId;
  const named = [authId, user].flatMap((id) => [...(table.get(id)?.keys() ?? [])]);
  const places = [path, ...named.filter((place) => place.startsWith(prefix))];
  return places.some(
    (place) =>
      hasAny(table, authId, place, wanted) ||
      hasAny(table, authId, `${place === '/' ? '' : place}/${UNNAMED}`, wanted),
  );
}

function listed(wanted: readonly Privilege[]): string {
  return PRIVILEGES.filter((privilege) => wanted.includes(privilege)).join('|');
}

/** Lets nobody on who has none of the privileges. Throws AccessError `ACCESS_PERMISSION` in the words of REST calls. */
export function requireAny(
  table: AclTable,
  authId: string,
  path: string,
  wanted: readonly Privilege[],
): void {
  if (hasAny(table, authId, path, wanted)) return;
  const what = `permission check failed - missing ${listed(wanted)} on ${path}`;
  throw new AccessError('ACCESS_PERMISSION', what);
}

/** The same in the words of the request that begins a backup. protocol.md §4.2. */
export function requireForUpgrade(table: AclTable, authId: string, path: string, wanted: Privilege): void {
  if (hasAny(table, authId, path, [wanted])) return;
  throw new AccessError('ACCESS_PERMISSION', `missing permissions '${wanted}' on '${path}'`);
}
