/** Users and tokens as lists show them: without anything secret. rest-api.md §2. */
import type { Access, Account, Token, User } from './access.js';

/** A comment is left out where there is none. */
interface ListedAccount {
  readonly enable: boolean;
  /** Seconds since the epoch; 0 is never. */
  readonly expire: number;
  readonly comment?: string;
}

export interface ListedToken extends ListedAccount {
  readonly tokenid: string;
}

export interface ListedUser extends ListedAccount {
  readonly userid: string;
  readonly tokens: readonly ListedToken[];
}

function accountOf({ enable, expire, comment }: Account): ListedAccount {
  return { enable, expire, ...(comment === '' ? {} : { comment }) };
}

function listedToken({ userid }: User, token: Token): ListedToken {
  return { tokenid: `${userid}!${token.name}`, ...accountOf(token) };
}

/** All users in the order of their names, with their tokens. */
export function listUsers({ users }: Access): ListedUser[] {
  return [...users.values()]
    .sort((a, b) => (a.userid < b.userid ? -1 : 1))
    .map((user) => ({
      userid: user.userid,
      ...accountOf(user),
      tokens: user.tokens.map((token) => listedToken(user, token)),
    }));
}
