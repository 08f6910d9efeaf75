/** From a password to a ticket, and back. protocol.md §3.2. */
import type { LoginReply } from '../access/authenticator.js';
import { ticketOf } from '../access/request-credentials.js';
import type { OpenEndpoint, Reply } from '../http/endpoint.js';
import type { ParameterSpecs } from '../http/parameters.js';
import { FLAG, OPTIONAL_TEXT, TEXT } from '../specs.js';

const COOKIE = '__Host-PBSAuthCookie';
const ATTRIBUTES = 'Secure; SameSite=Lax; HttpOnly; Path=/;';
const FORGET = `${COOKIE}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${ATTRIBUTES}`;
/** Stands beside `data`. rest-api.md §1.2. */
const SUCCESS = { success: true, status: 200 };

/** The ticket in the reply's text. */
function openReply(data: LoginReply): Reply {
  return { data, more: SUCCESS };
}

/** The ticket where no script sees it: the text only says whose it is and since when. */
function hiddenReply({ ticket, ...others }: LoginReply): Reply {
  const info = ticket.slice(0, ticket.indexOf('::') + 2);
  return {
    data: { ...others, 'ticket-info': info },
    more: SUCCESS,
    cookie: `${COOKIE}=${encodeURIComponent(ticket)}; ${ATTRIBUTES}`,
  };
}

const loginParameters = {
  username: TEXT,
  password: OPTIONAL_TEXT,
  'http-only': FLAG,
} as const satisfies ParameterSpecs;

/** A browser that keeps the ticket in a cookie renews it with that. */
export const login: OpenEndpoint<typeof loginParameters> = {
  method: 'POST',
  path: 'access/ticket',
  parameters: loginParameters,
  async run({ context, values }, { address, cookie }) {
    const { username, password, 'http-only': hidden = false } = values;
    const secret = password ?? (hidden ? ticketOf(cookie) : undefined);
    const reply = await context.authenticator.login({ address, username, password: secret });
    return hidden ? hiddenReply(reply) : openReply(reply);
  },
};

/** Nothing is kept of tickets: only the cookie goes. */
export const logout: OpenEndpoint = {
  method: 'DELETE',
  path: 'access/ticket',
  parameters: {},
  run: () => Promise.resolve({ data: null, cookie: FORGET }),
};
