/** Decides who a request comes from. protocol.md §3. */
import { type Access, findToken, isActive, type User } from './access.js';
import { MAX_PASSWORD } from './access-file.js';
import { userIdProblem } from './auth-id.js';
import { type Clock, systemClock } from './clock.js';
import { AccessError } from './errors.js';
import type { LiveAccess } from './live-access.js';
import { ticketOf, tokenOf } from './request-credentials.js';
import { SecretCheck, type SecretCheckOptions } from './secret-check.js';
import type { ServerKeys } from './server-keys.js';
import { looksLikeTicket, Tickets } from './tickets.js';

/** What of a request says who it comes from. Headers are as they came, one byte a character. */
export interface RequestIdentity {
  /** IP address of the other side. */
  readonly address: string;
  readonly method: string;
  readonly cookie?: string | undefined;
  readonly authorization?: string | undefined;
  /** The header `CSRFPreventionToken`. */
  readonly csrf?: string | undefined;
}

/** Who a request comes from, and what is allowed to whom at this moment. */
export interface Caller {
  readonly authId: string;
  readonly access: Access;
}

export interface LoginRequest {
  readonly address: string;
  readonly username: string;
  /** A password, or a ticket that is still valid. */
  readonly password: string | undefined;
}

/** The reply's `data`, by the names of the protocol. */
export interface LoginReply {
  readonly username: string;
  readonly ticket: string;
  readonly CSRFPreventionToken: string;
}

export interface AuthenticatorOptions extends SecretCheckOptions {
  readonly access: LiveAccess;
  readonly keys: ServerKeys;
  readonly clock?: Clock;
  /** From the start of a request to the answer that it failed, in milliseconds; 3000. */
  readonly failureDelay?: number;
}

const FAILURE_DELAY = 3000;

/** What a ticket is bound to: another password ends it. */
function bindingOf({ password }: User): string | undefined {
  return password === undefined ? undefined : `${password.salt} ${password.hash}`;
}

export class Authenticator {
  readonly #access: LiveAccess;
  readonly #tickets: Tickets;
  readonly #clock: Clock;
  readonly #failureDelay: number;
  readonly #secrets: SecretCheck;

  constructor(options: AuthenticatorOptions) {
    this.#access = options.access;
    this.#tickets = new Tickets(options.keys);
    this.#clock = options.clock ?? systemClock;
    this.#failureDelay = options.failureDelay ?? FAILURE_DELAY;
    this.#secrets = new SecretCheck(this.#clock, options);
  }

  /**
   * Who a request comes from: by its ticket where there is a cookie, else by its token. Throws AccessError: `ACCESS_AUTHENTICATION`
   * after the delay, `ACCESS_LIMITED`, `ACCESS_BUSY`, `ACCESS_FILE`.
   */
  async authenticate(request: RequestIdentity): Promise<Caller> {
    const start = this.#clock.elapsed();
    const access = await this.#access.current();
    const ticket = ticketOf(request.cookie);
    const authId =
      ticket === undefined ? await this.#byToken(access, request) : this.#byTicket(access, ticket, request);
    if (authId !== undefined) return { authId, access };
    throw await this.#failure(start, new AccessError('ACCESS_AUTHENTICATION', 'authentication failed'));
  }

  /**
   * A new ticket for a password, or for a valid ticket of the same user. Throws AccessError: `ACCESS_PARAMETER`, `ACCESS_LOGIN` after
   * the delay, `ACCESS_LIMITED`, `ACCESS_BUSY`, `ACCESS_FILE`.
   */
  async login({ address, username, password }: LoginRequest): Promise<LoginReply> {
    const start = this.#clock.elapsed();
    const given = checkLogin(username, password);
    const access = await this.#access.current();
    const user = access.users.get(username);
    const claim = { authId: username, secret: given, stored: user?.password, address };
    const right = looksLikeTicket(given)
      ? this.#openTicket(access, given) === username
      : await this.#secrets.isPassword(access, claim);
    const reply = right && user !== undefined ? this.#grant(user) : undefined;
    if (reply !== undefined) return reply;
    throw await this.#failure(start, new AccessError('ACCESS_LOGIN', 'permission check failed.'));
  }

  /** A ticket for a user who may have one. */
  #grant(user: User): LoginReply | undefined {
    const [binding, now] = [bindingOf(user), this.#clock.now()];
    if (binding === undefined || !isActive(user, now)) return undefined;
    return {
      username: user.userid,
      ticket: this.#tickets.issue(user.userid, binding, now),
      CSRFPreventionToken: this.#tickets.issueCsrf(user.userid, now),
    };
  }

  #byTicket(access: Access, ticket: string, { method, csrf }: RequestIdentity): string | undefined {
    const userId = this.#openTicket(access, ticket);
    if (userId === undefined || method === 'GET') return userId;
    return this.#tickets.checkCsrf(csrf ?? '', userId, this.#clock.now()) ? userId : undefined;
  }

  /** The user of a ticket, who must still be active. */
  #openTicket(access: Access, ticket: string): string | undefined {
    const now = this.#clock.now();
    const binding = (userId: string): string | undefined => {
      const user = access.users.get(userId);
      return user !== undefined && isActive(user, now) ? bindingOf(user) : undefined;
    };
    return this.#tickets.open(ticket, binding, now);
  }

  async #byToken(access: Access, { address, authorization }: RequestIdentity): Promise<string | undefined> {
    const credentials = tokenOf(authorization);
    if (credentials === undefined || credentials.secret.length > MAX_PASSWORD) return undefined;
    const { tokenId: authId, secret } = credentials;
    const found = findToken(access, authId);
    const claim = { authId, secret, stored: found?.token.secret, address };
    if (!(await this.#secrets.isTokenSecret(access, claim))) return undefined;
    const now = this.#clock.now();
    return found !== undefined && isActive(found.token, now) && isActive(found.user, now)
      ? authId
      : undefined;
  }

  /** All failures take the same time, whatever they are due to. */
  async #failure(start: number, error: AccessError): Promise<AccessError> {
    await this.#clock.pause(Math.max(0, this.#failureDelay - (this.#clock.elapsed() - start)));
    return error;
  }
}

/** The password of a login that is worth a check. Throws AccessError `ACCESS_PARAMETER` in the server's words. */
function checkLogin(username: string, password: string | undefined): string {
  const problem = userIdProblem(username);
  if (problem !== undefined) throw wrongParameter('username', problem);
  if (password === undefined) throw new AccessError('ACCESS_PARAMETER', 'no password provided');
  if (password.length > MAX_PASSWORD)
    throw wrongParameter('password', `value may only be ${MAX_PASSWORD} characters long`);
  return password;
}

function wrongParameter(name: string, problem: string): AccessError {
  return new AccessError('ACCESS_PARAMETER', `parameter verification failed - '${name}': ${problem}`);
}
