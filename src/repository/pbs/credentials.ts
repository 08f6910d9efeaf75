/** What lets requests in: an API token, or a ticket that is renewed. protocol.md §3. */
import { type Login, login } from './login.js';
import { isToken } from './repository-string.js';
import type { RestServer } from './rest-exchange.js';
import { ServerError } from './server-error.js';
import type { TicketCache } from './tickets.js';

/** Headers that let a request in. */
export type SessionHeaders = Readonly<Record<string, string>>;

export interface Session {
  /** Logs in where that has not happened. Throws ServerError. */
  headers(method: string): Promise<SessionHeaders>;
  /** Told that the server did not let in a request with these headers; false if the next ones would be the same. */
  refused(headers: SessionHeaders): boolean;
  /** Ends the renewal. */
  close(): void;
}

export interface Credentials {
  readonly authId: string;
  /** Password or token secret that was given; undefined where none was. */
  readonly secret: () => Promise<string | undefined>;
  /** Asks a person for the user's password; undefined where nobody is there. */
  readonly ask: ((user: string) => Promise<string>) | undefined;
  /** Undefined where there is no place for it. */
  readonly tickets: TicketCache | undefined;
  /** Told what went wrong without harm. */
  readonly warn: (message: string) => void;
}

export interface SessionOptions extends Credentials {
  readonly server: RestServer;
  /** How often a ticket is renewed, in milliseconds; 15 minutes. */
  readonly renewalMs?: number;
}

const RENEWAL_MS = 15 * 60 * 1000;
const NO_PASSWORD = 'no password input mechanism available';

/** A session for a user or a token. Nothing is sent before headers are asked for. */
export function createSession(options: SessionOptions): Session {
  return isToken(options.authId) ? new TokenSession(options) : new TicketSession(options);
}

/** Header values are bytes: text goes as UTF-8. */
function headerText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

class TokenSession implements Session {
  readonly #credentials: Credentials;
  #secret: Promise<string> | undefined;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  async headers(): Promise<SessionHeaders> {
    this.#secret ??= this.#read();
    const { authId } = this.#credentials;
    return {
      authorization: `PBSAPIToken ${headerText(authId)}:${encodeURIComponent(await this.#secret)}`,
    };
  }

  refused(): boolean {
    return false;
  }

  close(): void {
    // A token does not end.
  }

  async #read(): Promise<string> {
    const secret = await this.#credentials.secret();
    if (secret !== undefined && secret !== '') return secret;
    const { authId } = this.#credentials;
    throw new ServerError('SERVER_LOGIN', `the API token ${authId} needs its secret (PBS_PASSWORD)`);
  }
}

/** A ticket as a cookie: what would end or change the cookie is encoded. */
function cookieText(ticket: string): string {
  return ticket.replace(/[^A-Za-z0-9:+/@!=._~-]+/g, encodeURIComponent);
}

function cookieOf({ cookie, ticket }: Login): string {
  return `${cookie}=${cookieText(ticket)}`;
}

class TicketSession implements Session {
  readonly #o: SessionOptions;
  #login: Promise<Login> | undefined;
  /** What `#login` has brought. */
  #current: Login | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#o = options;
  }

  async headers(method: string): Promise<SessionHeaders> {
    const granted = await this.#granted();
    return {
      cookie: cookieOf(granted),
      ...(method === 'GET' ? {} : { CSRFPreventionToken: granted.csrf }),
    };
  }

  /** One new login serves all requests whose ticket was refused. */
  refused({ cookie }: SessionHeaders): boolean {
    if (this.#current !== undefined && cookieOf(this.#current) === cookie) {
      clearTimeout(this.#timer);
      this.#login = undefined;
      this.#current = undefined;
    }
    return true;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** One login serves all requests; one that failed is tried again. */
  #granted(): Promise<Login> {
    this.#login ??= firstLogin(this.#o).then(
      (granted) => {
        this.#current = granted;
        this.#renewLater(granted);
        return granted;
      },
      (error: unknown) => {
        this.#login = undefined;
        throw error;
      },
    );
    return this.#login;
  }

  #renewLater(current: Login): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#renew(current), this.#o.renewalMs ?? RENEWAL_MS);
    this.#timer.unref();
  }

  /** The ticket that is in use opens the way to the next one; unless a refused request has led to another login meanwhile. */
  async #renew(current: Login): Promise<void> {
    let latest = current;
    try {
      latest = await login(this.#o.server, this.#o.authId, current.ticket);
      if (this.#current !== current) return;
      this.#current = latest;
      this.#login = Promise.resolve(latest);
      await keepTicket(this.#o, latest);
    } catch (error) {
      if (this.#current !== current || this.#o.server.signal?.aborted === true) return;
      this.#o.warn(`the login of ${this.#o.authId} could not be renewed: ${messageOf(error)}`);
    }
    if (this.#current === latest) this.#renewLater(latest);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Logs a user in: with the given password, else with the ticket of an earlier login, else with one that a person types. Keeps the
 * ticket. Throws ServerError.
 */
export async function firstLogin(options: SessionOptions): Promise<Login> {
  const { server, authId, secret, ask, tickets } = options;
  const given = await secret();
  if (given !== undefined) return keepTicket(options, await login(server, authId, given));
  const cached = await tickets?.find(server.host, authId);
  if (cached !== undefined) {
    const renewed = await login(server, authId, cached.ticket).catch((error: unknown) => {
      // The server may have forgotten it; a person may know the password.
      if (ask !== undefined && error instanceof ServerError && error.code === 'SERVER_LOGIN')
        return undefined;
      throw error;
    });
    if (renewed !== undefined) return keepTicket(options, renewed);
  }
  if (ask === undefined) throw new ServerError('SERVER_LOGIN', `${NO_PASSWORD} for ${authId}`);
  return keepTicket(options, await login(server, authId, await ask(authId)));
}

async function keepTicket({ server, authId, tickets, warn }: SessionOptions, granted: Login): Promise<Login> {
  await tickets?.keep(server.host, authId, granted).catch((error: unknown) => {
    warn(`the ticket of ${authId} could not be kept: ${messageOf(error)}`);
  });
  return granted;
}
