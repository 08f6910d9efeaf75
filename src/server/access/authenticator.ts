/** Decides who a request comes from. protocol.md §3. */
import { type Access, findToken, isActive, type User } from './access.js';
import { MAX_PASSWORD } from './access-file.js';
import { userIdProblem } from './auth-id.js';
import { type Clock, systemClock } from './clock.js';
import { AccessError } from './errors.js';
import { FailedLogins } from './failed-logins.js';
import { Gate } from './gate.js';
import type { LiveAccess } from './live-access.js';
import { ticketOf, tokenOf } from './request-credentials.js';
import { impossibleHash, type ScryptCost, type SecretHash, verifySecret } from './secret-hash.js';
import type { ServerKeys } from './server-keys.js';
import { looksLikeTicket, Tickets } from './tickets.js';
import { VerifiedSecrets } from './verified-secrets.js';

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

export interface AuthenticatorOptions {
  readonly access: LiveAccess;
  readonly keys: ServerKeys;
  readonly clock?: Clock;
  /** From the start of a request to the answer that it failed, in milliseconds; 3000. */
  readonly failureDelay?: number;
  /** scrypt computations that run at once, 2, and that may wait, 32. */
  readonly running?: number;
  readonly waiting?: number;
  /** Wrong secrets per address, 30, in this many milliseconds, 10 minutes; addresses that are counted, 10,000. */
  readonly attempts?: number;
  readonly attemptWindow?: number;
  readonly addresses?: number;
  /** How long a secret that was right is remembered, in milliseconds, 5 minutes; how many, 4096. */
  readonly secretLifetime?: number;
  readonly secrets?: number;
  /** Cost of a check for somebody who does not exist: that of the hashes in the file. */
  readonly cost?: ScryptCost;
  readonly verify?: (secret: string, hash: SecretHash) => Promise<boolean>;
}

const FAILURE_DELAY = 3000;
const MINUTE = 60_000;

/** What a ticket is bound to: another password ends it. */
function bindingOf({ password }: User): string | undefined {
  return password === undefined ? undefined : `${password.salt} ${password.hash}`;
}

export class Authenticator {
  readonly #access: LiveAccess;
  readonly #tickets: Tickets;
  readonly #clock: Clock;
  readonly #failureDelay: number;
  readonly #gate: Gate;
  readonly #failed: FailedLogins;
  readonly #secrets: VerifiedSecrets;
  readonly #nobody: SecretHash;
  readonly #verify: (secret: string, hash: SecretHash) => Promise<boolean>;

  constructor(o: AuthenticatorOptions) {
    const clock = o.clock ?? systemClock;
    this.#access = o.access;
    this.#tickets = new Tickets(o.keys);
    this.#clock = clock;
    this.#failureDelay = o.failureDelay ?? FAILURE_DELAY;
    this.#gate = new Gate({ running: o.running ?? 2, waiting: o.waiting ?? 32 });
    this.#failed = new FailedLogins({
      clock,
      attempts: o.attempts ?? 30,
      window: o.attemptWindow ?? 10 * MINUTE,
      addresses: o.addresses ?? 10_000,
    });
    this.#secrets = new VerifiedSecrets({
      clock,
      lifetime: o.secretLifetime ?? 5 * MINUTE,
      limit: o.secrets ?? 4096,
    });
    this.#nobody = impossibleHash(o.cost);
    this.#verify = o.verify ?? verifySecret;
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
    const right = looksLikeTicket(given)
      ? this.#openTicket(access, given) === username
      : await this.#isPassword(access, username, given, address);
    const binding = user === undefined ? undefined : bindingOf(user);
    const now = this.#clock.now();
    if (right && user !== undefined && binding !== undefined && isActive(user, now)) {
      return {
        username,
        ticket: this.#tickets.issue(username, binding, now),
        CSRFPreventionToken: this.#tickets.issueCsrf(username, now),
      };
    }
    throw await this.#failure(start, new AccessError('ACCESS_LOGIN', 'permission check failed.'));
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
    const { tokenId, secret } = credentials;
    const found = findToken(access, tokenId);
    // Who is known gets in even where an address is shut: a token's secret cannot be guessed.
    const known = this.#secrets.has(access, tokenId, secret);
    if (!known && !(await this.#compute(access, tokenId, secret, found?.token.secret, address)))
      return undefined;
    const now = this.#clock.now();
    return found !== undefined && isActive(found.token, now) && isActive(found.user, now)
      ? tokenId
      : undefined;
  }

  /** Passwords may be weak: an address that is shut learns nothing of them. */
  async #isPassword(access: Access, userId: string, password: string, address: string): Promise<boolean> {
    this.#failed.check(address);
    if (this.#secrets.has(access, userId, password)) return true;
    return this.#compute(access, userId, password, access.users.get(userId)?.password, address);
  }

  /** Checks a secret; for who does not exist that takes as long. */
  async #compute(
    access: Access,
    authId: string,
    secret: string,
    stored: SecretHash | undefined,
    address: string,
  ): Promise<boolean> {
    this.#failed.check(address);
    return this.#secrets.verify(access, authId, secret, async () => {
      const takeBack = this.#failed.attempt(address);
      const right = await this.#gate
        .run(() => this.#verify(secret, stored ?? this.#nobody))
        .catch((error: unknown) => {
          takeBack();
          throw error;
        });
      if (right) takeBack();
      return right && stored !== undefined;
    });
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
