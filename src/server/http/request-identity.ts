/** What of a request says who it comes from. */
import type { IncomingMessage } from 'node:http';
import type { RequestIdentity } from '../access/authenticator.js';

/** IP address of the other side; '' when it has gone. */
export function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}

export function identityOf(request: IncomingMessage): RequestIdentity {
  const { cookie, authorization, csrfpreventiontoken: csrf } = request.headers;
  return {
    address: addressOf(request),
    method: request.method ?? '',
    cookie,
    authorization,
    csrf: Array.isArray(csrf) ? undefined : csrf,
  };
}
