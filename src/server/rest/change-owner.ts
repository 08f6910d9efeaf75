/** Gives a group to somebody else. rest-api.md §3.2. */
import { findToken, isActive } from '../access/access.js';
import { ownsGroupOf, splitTokenId } from '../access/auth-id.js';
import { CallError } from '../http/call-error.js';
import { type Caller, endpoint } from '../http/endpoint.js';
import type { ParameterSpec } from '../http/parameters.js';
import { GROUP, groupOf } from '../specs.js';
import { enter, managementOf, NO_WAIT, ownerOf } from './place.js';
import { withWords } from './words.js';

const AUTH_ID = {
  kind: 'text',
  pattern: /^[^\s:/]+@[A-Za-z0-9_][A-Za-z0-9._-]*(?:![A-Za-z0-9_][A-Za-z0-9._-]*)?$/,
  min: 3,
  max: 64,
} as const satisfies ParameterSpec;

/** Both owners are the caller itself or tokens of it: those a user may change alone. */
function isAmongItsOwn({ authId }: Caller, owner: string, newOwner: string): boolean {
  const isUser = splitTokenId(authId) === undefined;
  return isUser && ownsGroupOf(authId, owner) && ownsGroupOf(authId, newOwner);
}

/** True for somebody who could log in at this moment. */
function isUsable({ access }: Caller, authId: string, now: number): boolean {
  const found = findToken(access, authId);
  if (found !== undefined) return isActive(found.token, now) && isActive(found.user, now);
  const user = access.users.get(authId);
  return user !== undefined && isActive(user, now);
}

export const changeOwner = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/change-owner',
  parameters: { ...GROUP, 'new-owner': AUTH_ID },
  async run({ context, values }, caller) {
    const needed = { full: ['Datastore.Modify'], own: ['Datastore.Backup'] } as const;
    const place = enter(context, caller, values, needed);
    const [group, newOwner] = [groupOf(values), values['new-owner']];
    const owner = await ownerOf(place, group);
    if (!place.full && !isAmongItsOwn(caller, owner, newOwner))
      throw new CallError(401, `${caller.authId} may not give this group to ${newOwner}`);
    if (!isUsable(caller, newOwner, context.clock.now()))
      throw new CallError(400, `new owner '${newOwner}' is inactive or does not exist`);
    await withWords({}, () => managementOf(place).changeOwner(place.namespace, group, newOwner, NO_WAIT));
    return { data: null };
  },
});
