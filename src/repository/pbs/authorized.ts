/** A request that has to be let in. protocol.md §3.2. */
import type { Session, SessionHeaders } from './credentials.js';
import { ServerError } from './server-error.js';

/**
 * Sends a request with the headers of a session; once more after a new login if the server does not let it in: it may have a new key,
 * and a ticket may have expired while the machine slept. Throws ServerError.
 */
export async function authorized<T>(
  session: Session,
  method: string,
  send: (headers: SessionHeaders) => Promise<T>,
): Promise<T> {
  const headers = await session.headers(method);
  try {
    return await send(headers);
  } catch (error) {
    const outside = error instanceof ServerError && error.status === 401;
    if (!outside || !session.refused(headers)) throw error;
  }
  return send(await session.headers(method));
}
