/** Compares secrets with their hashes: seldom, few at once, and not as often as somebody who guesses would like. */
import type { Access } from './access.js';
import type { Clock } from './clock.js';
import { FailedLogins } from './failed-logins.js';
import { Gate } from './gate.js';
import { impossibleHash, type ScryptCost, type SecretHash, verifySecret } from './secret-hash.js';
import { VerifiedSecrets } from './verified-secrets.js';

export interface SecretCheckOptions {
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
  /** Cost of a comparison for somebody who does not exist: that of the hashes in the file. */
  readonly cost?: ScryptCost;
  readonly verify?: (secret: string, hash: SecretHash) => Promise<boolean>;
}

/** A secret that somebody claims to have. */
export interface Claim {
  readonly authId: string;
  readonly secret: string;
  /** Undefined where there is no such user or token, or none with a secret. */
  readonly stored: SecretHash | undefined;
  /** IP address of who claims it. */
  readonly address: string;
}

const MINUTE = 60_000;

export class SecretCheck {
  readonly #gate: Gate;
  readonly #failed: FailedLogins;
  readonly #secrets: VerifiedSecrets;
  readonly #nobody: SecretHash;
  readonly #verify: (secret: string, hash: SecretHash) => Promise<boolean>;

  constructor(clock: Clock, o: SecretCheckOptions) {
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
   * True for the secret of a token. Who is known gets in even where an address is shut: such a secret cannot be guessed. Throws
   * AccessError `ACCESS_LIMITED`, `ACCESS_BUSY`.
   */
  async isTokenSecret(access: Access, claim: Claim): Promise<boolean> {
    return this.#secrets.has(access, claim.authId, claim.secret) || this.#compare(access, claim);
  }

  /** True for the password of a user, which may be weak: an address that is shut learns nothing of it. Throws as above. */
  async isPassword(access: Access, claim: Claim): Promise<boolean> {
    this.#failed.check(claim.address);
    return this.#secrets.has(access, claim.authId, claim.secret) || this.#compare(access, claim);
  }

  async #compare(access: Access, { authId, secret, stored, address }: Claim): Promise<boolean> {
    this.#failed.check(address);
    return this.#secrets.verify(access, authId, secret, () => this.#attempt(secret, stored, address));
  }

  /** One computation, which counts as wrong until it was right. For who does not exist it takes as long. */
  async #attempt(secret: string, stored: SecretHash | undefined, address: string): Promise<boolean> {
    const takeBack = this.#failed.attempt(address);
    try {
      const right = await this.#gate.run(() => this.#verify(secret, stored ?? this.#nobody));
      if (right) takeBack();
      return right;
    } catch (error) {
      takeBack();
      throw error;
    }
  }
}
