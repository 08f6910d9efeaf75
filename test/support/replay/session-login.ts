/** Who a recorded session was, from what it sent. */
import { z } from 'zod';
import type { RecordedSession } from './recording.js';
import { recordedRequest } from './request.js';

/** The datastore of all recordings; a login alone does not name it. */
const DEFAULT_STORE = 'vectors';

export interface RecordedLogin {
  /** `user@realm` or `user@realm!token`. */
  readonly authId: string;
  /** Secret of the token, or the password (or ticket) of the login. */
  readonly secret: string;
  readonly store: string;
}

const login = z.object({ username: z.string(), password: z.string() });

/** Account and datastore of a session. Throws where it sent no credentials. */
export function recordedLogin(session: RecordedSession): RecordedLogin {
  const requests = session.connections.flatMap(({ http1 }) => http1.map(recordedRequest));
  const stores = requests.map(
    ({ path, query }) => query.get('store') ?? /\/datastore\/([^/]+)/.exec(path)?.[1],
  );
  const store = stores.find((name) => name !== undefined) ?? DEFAULT_STORE;
  for (const { headers, path, body } of requests) {
    const token = /^PBSAPIToken[ =]([^:]+):(.*)$/.exec(headers.get('authorization') ?? '');
    if (token !== null) return { authId: token[1]!, secret: decodeURIComponent(token[2]!), store };
    if (!path.endsWith('/access/ticket')) continue;
    const { username, password } = login.parse(JSON.parse(body.toString()));
    return { authId: username, secret: password, store };
  }
  throw new Error(`the session ${session.name} has no credentials`);
}
