/** Whom permissions are given to, and where. rest-api.md §1.3. */
import { isSafeId, type Namespace, parseNamespace } from '../../snapshot/names.js';
import { shown } from './auth-id.js';
import { AccessError } from './errors.js';
import type { Role } from './roles.js';

/** Somebody's role on a path. */
export interface AclEntry {
  /** `/`, `/datastore`, `/datastore/STORE[/NAMESPACE…]`, `/system` or `/system/tasks`. */
  readonly path: string;
  readonly authId: string;
  readonly role: Role;
  /** True if it holds for what is below the path, too. */
  readonly propagate: boolean;
}

const MIN_STORE = 3;
const MAX_STORE = 32;
const FIXED: readonly string[] = ['/', '/datastore', '/system', '/system/tasks'];
const PATHS = '/, /datastore, /datastore/STORE, /datastore/STORE/NAMESPACE, /system and /system/tasks';

function isNamespace(text: string): boolean {
  try {
    return parseNamespace(text) !== '';
  } catch {
    return false;
  }
}

/** Returns a path that may stand in an entry. Throws AccessError `ACCESS_NAME`. */
export function parseAclPath(text: string): string {
  if (FIXED.includes(text)) return text;
  const [, top, store, ...namespace] = text.split('/', 16);
  const fits =
    text.startsWith('/') &&
    top === 'datastore' &&
    store !== undefined &&
    store.length >= MIN_STORE &&
    store.length <= MAX_STORE &&
    isSafeId(store) &&
    (namespace.length === 0 || isNamespace(namespace.join('/')));
  if (fits) return text;
  throw new AccessError('ACCESS_NAME', `${shown(text)}: the paths with permissions are ${PATHS}`);
}

/** The path of a datastore, or of a namespace in it. */
export function datastorePath(store: string, namespace: Namespace): string {
  return namespace === '' ? `/datastore/${store}` : `/datastore/${store}/${namespace}`;
}
