/** From a password to a ticket. protocol.md §3.2. */
import * as z from 'zod';
import { parseReply } from './rest-client.js';
import { RestExchange, type RestReply, type RestServer } from './rest-exchange.js';
import { ServerError } from './server-error.js';
import type { Ticket } from './tickets.js';

/** Longest reply to a login, in bytes. */
const REPLY_LIMIT = 64 * 1024;
const PATH = 'access/ticket';
/** Cookie of servers that keep the ticket out of the reply's text. */
export const HOST_COOKIE = '__Host-PBSAuthCookie';
export const PLAIN_COOKIE = 'PBSAuthCookie';

/** One line, nothing that could end a header. */
const word = z.string().regex(/^[^\s\p{Cc}\p{Cs}]+$/u);
const schema = z.object({
  data: z.object({ username: z.string(), ticket: word.optional(), CSRFPreventionToken: word }),
});

/** A ticket, and the name of the cookie in which the server wants it. */
export interface Login extends Ticket {
  readonly cookie: typeof HOST_COOKIE | typeof PLAIN_COOKIE;
}

/**
 * Logs a user in with a password, or with a ticket that is still valid. Throws ServerError, `SERVER_LOGIN` where the server refuses
 * or wants a second factor, or the signal's reason.
 */
export async function login(server: RestServer, user: string, password: string): Promise<Login> {
  const exchange = new RestExchange(server);
  try {
    const body = Buffer.from(JSON.stringify({ password, username: user }));
    const reply = await exchange.send({
      method: 'POST',
      path: PATH,
      headers: {},
      contentType: 'application/json',
      body,
      limit: REPLY_LIMIT,
    });
    return usable(user, parseLogin(reply));
  } catch (error) {
    throw refusedLogin(user, error);
  } finally {
    exchange.close();
  }
}

function refusedLogin(user: string, error: unknown): unknown {
  if (!(error instanceof ServerError) || (error.status !== 401 && error.status !== 400)) return error;
  const { status } = error;
  return new ServerError('SERVER_LOGIN', `the server did not let ${user} in: ${error.message}`, { status });
}

function parseLogin({ headers, body }: RestReply): Login {
  const { data } = parseReply(body, `POST ${PATH}`, schema);
  const hidden = cookieValue(headers['set-cookie'] ?? []);
  const ticket = hidden ?? data.ticket;
  if (ticket === undefined) throw new ServerError('SERVER_REPLY', 'the server sent no ticket');
  return {
    ticket,
    csrf: data.CSRFPreventionToken,
    cookie: hidden === undefined ? PLAIN_COOKIE : HOST_COOKIE,
  };
}

/** The ticket in a cookie; an empty value deletes the cookie. */
function cookieValue(cookies: readonly string[]): string | undefined {
  for (const cookie of cookies) {
    const [pair = ''] = cookie.split(';', 1);
    if (!pair.startsWith(`${HOST_COOKIE}=`)) continue;
    const value = word.safeParse(decoded(pair.slice(HOST_COOKIE.length + 1)));
    if (value.success) return value.data;
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A ticket that waits for a second factor opens nothing. */
function usable(user: string, given: Login): Login {
  if (!/^[^:]*:!tfa!/.test(given.ticket)) return given;
  throw new ServerError(
    'SERVER_LOGIN',
    `${user} needs a second factor, for which nobody can be asked here: use an API token`,
  );
}
