/** Changes of users, tokens and permissions: from one state to the next, nothing else. */
import { type Access, type Account, accessOf, accountSchema, findToken, type User } from './access.js';
import { type AclEntry, parseAclPath } from './acl.js';
import { parseAuthId, parseTokenId, parseUserId, splitTokenId, userOf } from './auth-id.js';
import { AccessError } from './errors.js';
import { isRole, ROLE_NAMES } from './roles.js';
import type { SecretHash } from './secret-hash.js';

/** What is said of a new user or token, or changed of one; the rest is default, or stays. */
export type AccountOptions = { readonly [Key in keyof Account]?: Account[Key] | undefined };

const NEW_ACCOUNT: Account = { enable: true, expire: 0, comment: '' };

function account(base: Account, { enable, expire, comment }: AccountOptions): Account {
  const result = accountSchema.safeParse({
    enable: enable ?? base.enable,
    expire: expire ?? base.expire,
    comment: comment ?? base.comment,
  });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new AccessError('ACCESS_NAME', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function userOr({ users }: Access, userId: string): User {
  const user = users.get(userId);
  if (user === undefined) throw new AccessError('ACCESS_UNKNOWN', `there is no user ${parseUserId(userId)}`);
  return user;
}

function withUser(access: Access, user: User): Access {
  return accessOf(
    [...access.users.values()].filter(({ userid }) => userid !== user.userid).concat(user),
    access.acl,
  );
}

/** A new user; without a password only the user's tokens let in. Throws AccessError. */
export function addUser(
  access: Access,
  userId: string,
  options: AccountOptions,
  password: SecretHash | undefined,
): Access {
  const userid = parseUserId(userId);
  if (access.users.has(userid)) throw new AccessError('ACCESS_EXISTS', `there is a user ${userid} already`);
  const user: User = { userid, ...account(NEW_ACCOUNT, options), tokens: [] };
  return withUser(access, password === undefined ? user : { ...user, password });
}

/** Changes what is said of a user. Throws AccessError. */
export function updateUser(access: Access, userId: string, options: AccountOptions): Access {
  const user = userOr(access, userId);
  return withUser(access, { ...user, ...account(user, options) });
}

/** Gives a user another password; tickets that the old one got end. Throws AccessError. */
export function setPassword(access: Access, userId: string, password: SecretHash): Access {
  return withUser(access, { ...userOr(access, userId), password });
}

/** Removes a user, the user's tokens and the permissions of all of them. Throws AccessError. */
export function removeUser(access: Access, userId: string): Access {
  const gone = userOr(access, userId);
  return accessOf(
    [...access.users.values()].filter((user) => user !== gone),
    access.acl.filter(({ authId }) => userOf(authId) !== gone.userid),
  );
}

/** A new token of a user, without permissions. Throws AccessError. */
export function addToken(
  access: Access,
  tokenId: string,
  options: AccountOptions,
  secret: SecretHash,
): Access {
  const { userId, name } = parseTokenId(tokenId);
  const user = userOr(access, userId);
  if (findToken(access, tokenId) !== undefined)
    throw new AccessError('ACCESS_EXISTS', `there is a token ${tokenId} already`);
  const token = { name, ...account(NEW_ACCOUNT, options), secret };
  return withUser(access, { ...user, tokens: [...user.tokens, token] });
}

function tokenOr(access: Access, tokenId: string): NonNullable<ReturnType<typeof findToken>> {
  const found = findToken(access, tokenId);
  if (found !== undefined) return found;
  const { userId, name } = parseTokenId(tokenId);
  throw new AccessError('ACCESS_UNKNOWN', `there is no token ${userId}!${name}`);
}

/** Changes what is said of a token. Throws AccessError. */
export function updateToken(access: Access, tokenId: string, options: AccountOptions): Access {
  const { user, token } = tokenOr(access, tokenId);
  const changed = { ...token, ...account(token, options) };
  return withUser(access, { ...user, tokens: user.tokens.map((one) => (one === token ? changed : one)) });
}

/** Removes a token and its permissions. Throws AccessError. */
export function removeToken(access: Access, tokenId: string): Access {
  const { user, token } = tokenOr(access, tokenId);
  const left = withUser(access, { ...user, tokens: user.tokens.filter((one) => one !== token) });
  return accessOf(
    left.users.values(),
    left.acl.filter(({ authId }) => authId !== tokenId),
  );
}

/** An entry as somebody wrote it. */
export interface AclRequest {
  readonly path: string;
  readonly authId: string;
  readonly role: string;
}

function parseRequest({ path, authId, role }: AclRequest): Omit<AclEntry, 'propagate'> {
  if (!isRole(role)) throw new AccessError('ACCESS_NAME', `the roles are ${ROLE_NAMES.join(', ')}`);
  return { path: parseAclPath(path), authId: parseAuthId(authId), role };
}

function withoutEntry(access: Access, { path, authId, role }: AclRequest): AclEntry[] {
  return access.acl.filter((one) => one.path !== path || one.authId !== authId || one.role !== role);
}

/** Gives somebody a role on a path, beside the roles that are there. Throws AccessError. */
export function setAcl(access: Access, request: AclRequest, { propagate }: { propagate: boolean }): Access {
  const entry = parseRequest(request);
  if (splitTokenId(entry.authId) === undefined) userOr(access, entry.authId);
  else tokenOr(access, entry.authId);
  return accessOf(access.users.values(), [...withoutEntry(access, entry), { ...entry, propagate }]);
}

/** Takes a role on a path from somebody. Throws AccessError. */
export function removeAcl(access: Access, request: AclRequest): Access {
  const entry = parseRequest(request);
  const acl = withoutEntry(access, entry);
  if (acl.length < access.acl.length) return accessOf(access.users.values(), acl);
  throw new AccessError('ACCESS_UNKNOWN', `${entry.authId} has no role ${entry.role} on ${entry.path}`);
}
