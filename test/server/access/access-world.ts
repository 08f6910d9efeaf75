/** A server's access side over a file of its own, with a clock that stands still. */
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { AccessFile } from '../../../src/server/access/access-file.js';
import { Authenticator, type AuthenticatorOptions } from '../../../src/server/access/authenticator.js';
import { LiveAccess } from '../../../src/server/access/live-access.js';
import { type SecretHash, verifySecret } from '../../../src/server/access/secret-hash.js';
import type { ServerKeys } from '../../../src/server/access/server-keys.js';
import { withTemporaryDirectory } from '../../support/world.js';
import { ManualClock } from './manual-clock.js';

const COST = { n: 2, r: 1, p: 1 };
export const PASSWORD = 'correct horse';
export const ADDRESS = '10.0.0.1';

export interface AccessWorld {
  readonly file: AccessFile;
  readonly clock: ManualClock;
  readonly authenticator: Authenticator;
  /** Secret of ann@pbs!laptop. */
  readonly secret: string;
  /** Hashes that secrets were compared with, in order. */
  readonly compared: readonly SecretHash[];
}

function newKeys(): ServerKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { signing: privateKey, verifying: publicKey, csrf: createSecretKey(Buffer.alloc(32, 7)) };
}

/** ann@pbs with a password and the token `laptop`, bob@pam with neither. */
export function withAccess(
  use: (world: AccessWorld) => Promise<void>,
  options: Partial<AuthenticatorOptions> = {},
): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'access.json');
    const file = new AccessFile(path, { waitSeconds: 60, cost: COST });
    await file.addUser('ann@pbs', {}, PASSWORD);
    await file.addUser('bob@pam', {}, undefined);
    const secret = await file.addToken('ann@pbs!laptop', {});
    const clock = new ManualClock();
    const compared: SecretHash[] = [];
    const verify = (given: string, hash: SecretHash): Promise<boolean> => {
      compared.push(hash);
      return verifySecret(given, hash);
    };
    const access = new LiveAccess(path);
    const authenticator = new Authenticator({
      access,
      keys: newKeys(),
      clock,
      verify,
      cost: COST,
      ...options,
    });
    await use({ file, clock, authenticator, secret, compared });
  });
}

/** What a client sends with a token. */
export function tokenHeader(tokenId: string, secret: string): string {
  return `PBSAPIToken ${tokenId}:${secret}`;
}

/** What a client sends with a ticket. */
export function cookieHeader(ticket: string): string {
  return `PBSAuthCookie=${ticket}`;
}
