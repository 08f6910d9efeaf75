/** Offers a datastore directory with `restat serve` while a test uses it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AccessFile } from '../../src/server/access/access-file.js';
import { accessFile } from '../../src/server/state-directory.js';
import { startRestat } from './cli.js';

const USER = 'ann@pbs';
const STORE = 'store1';

/** A running server, as a client needs it. */
export interface Served {
  readonly process: ChildProcess;
  readonly port: number;
  readonly repository: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Makes a user with a token who may do everything in the datastore; the secret. */
async function makeAccess(path: string): Promise<string> {
  // Hashes that are quick to check: what is tested is no secret.
  const file = new AccessFile(path, { waitSeconds: 0, cost: { n: 2, r: 1, p: 1 } });
  await file.addUser(USER, {}, undefined);
  const secret = await file.addToken(`${USER}!test`, {});
  for (const authId of [USER, `${USER}!test`])
    await file.setAcl({ path: `/datastore/${STORE}`, authId, role: 'DatastoreAdmin' }, { propagate: true });
  return secret;
}

/** Made once for a state directory. */
async function tokenSecret(stateDirectory: string): Promise<string> {
  const kept = join(stateDirectory, 'secret');
  if (!existsSync(kept)) writeFileSync(kept, await makeAccess(accessFile(stateDirectory)));
  return readFileSync(kept, 'utf8');
}

/**
 * Calls `use` with a server over `store`; it has ended afterwards. Throws when it does not start, or does not end well, which SIGKILL
 * is. A state directory that is empty gets a user.
 */
export async function withServed<T>(
  store: string,
  stateDirectory: string,
  use: (served: Served) => Promise<T>,
): Promise<T> {
  const secret = await tokenSecret(stateDirectory);
  const where = ['--listen', '127.0.0.1:0', '--state-dir', stateDirectory];
  const { process, result } = startRestat(['serve', '--datastore', `${STORE}=${store}`, ...where]);
  const lines: string[] = [];
  const reader = createInterface({ input: process.stdout! });
  reader.on('line', (line) => lines.push(line));
  while (lines.length < 2) await Promise.race([once(reader, 'line'), result]);
  const port = Number(/:(\d+)$/.exec(lines[0]!)?.[1]);
  const fingerprint = lines[1]!.replace('Fingerprint: ', '');
  const outcome = await use({
    process,
    port,
    repository: `${USER}!test@127.0.0.1:${port}:${STORE}`,
    env: { PBS_PASSWORD: secret, PBS_FINGERPRINT: fingerprint },
  }).finally(() => process.kill('SIGTERM'));
  const { code, signal, stderr } = await result;
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the server ended with ${code}: ${stderr}`);
  return outcome;
}
