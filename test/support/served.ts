/** Offers a datastore directory with `restat serve` while a test uses it. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { AccessFile } from '../../src/server/access/access-file.js';
import { accessFile } from '../../src/server/state-directory.js';
import { startRestat } from './cli.js';

const USER = 'ann@pbs';
const STORE = 'store1';

/** A running server, as a client needs it. */
export interface Served {
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

/** Calls `use` with a server over `store`; it has ended afterwards. Throws when it does not start, or does not end well. */
export async function withServed<T>(
  store: string,
  stateDirectory: string,
  use: (served: Served) => Promise<T>,
): Promise<T> {
  const secret = await makeAccess(accessFile(stateDirectory));
  const where = ['--listen', '127.0.0.1:0', '--state-dir', stateDirectory];
  const { process, result } = startRestat(['serve', '--datastore', `${STORE}=${store}`, ...where]);
  const lines: string[] = [];
  const reader = createInterface({ input: process.stdout! });
  reader.on('line', (line) => lines.push(line));
  while (lines.length < 2) await Promise.race([once(reader, 'line'), result]);
  const port = /:(\d+)$/.exec(lines[0]!)?.[1];
  const fingerprint = lines[1]!.replace('Fingerprint: ', '');
  const outcome = await use({
    repository: `${USER}!test@127.0.0.1:${port}:${STORE}`,
    env: { PBS_PASSWORD: secret, PBS_FINGERPRINT: fingerprint },
  }).finally(() => process.kill('SIGTERM'));
  const { code, stderr } = await result;
  if (code !== 0) throw new Error(`the server ended with ${code}: ${stderr}`);
  return outcome;
}
