/** Calls that show what the caller may see of something larger. rest-api.md §3.1. */
import { hasAnyBelow, requireAny } from '../access/privileges.js';
import type { Privilege } from '../access/roles.js';
import type { Caller } from '../http/endpoint.js';

/** Lets nobody on who has none of the privileges on the path or below it. Throws AccessError 403. */
export function requireAnyBelow(
  { access, authId }: Caller,
  path: string,
  wanted: readonly Privilege[],
): void {
  if (!hasAnyBelow(access.table, authId, path, wanted)) requireAny(access.table, authId, path, wanted);
}
