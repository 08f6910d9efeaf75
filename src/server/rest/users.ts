/** Who there is. rest-api.md §2. */
import { userOf } from '../access/auth-id.js';
import { hasAny } from '../access/privileges.js';
import { listUsers } from '../access/user-list.js';
import { endpoint } from '../http/endpoint.js';
import { FLAG } from '../specs.js';

/** Everybody sees himself; all users see those who may audit the server. */
export const users = endpoint({
  method: 'GET',
  path: 'access/users',
  parameters: { include_tokens: FLAG },
  run({ values }, { authId, access }) {
    const all = hasAny(access.table, authId, '/access/users', ['Sys.Audit']);
    const seen = listUsers(access).filter(({ userid }) => all || userid === userOf(authId));
    const withTokens = values.include_tokens === true;
    const data = seen.map(({ tokens, ...user }) => (withTokens ? { ...user, tokens } : user));
    return Promise.resolve({ data });
  },
});
