/** A whole server over a datastore of its own, with accounts that may back up. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStore } from '../../../src/repository/local/store.js';
import { AccessFile } from '../../../src/server/access/access-file.js';
import type { Clock } from '../../../src/server/access/clock.js';
import { startServer } from '../../../src/server/serve.js';
import { accessFile } from '../../../src/server/state-directory.js';
import { withTemporaryDirectory } from '../../support/world.js';

export const STORE = 'vectors';
export const LAPTOP = 'ann@pbs!laptop';
export const LIMITED = 'ann@pbs!limited';

/** Longest pause after a refusal, in milliseconds; those of a server that stops are longer. */
const REFUSAL = 3000;

/** Time stands still, and nobody waits after a refusal. */
const still: Clock = {
  now: () => 1_795_000_000,
  elapsed: () => 0,
  pause: (milliseconds) =>
    milliseconds > REFUSAL ? sleep(milliseconds, undefined, { ref: false }) : Promise.resolve(),
};

export interface SessionWorld {
  readonly port: number;
  readonly fingerprint: string;
  /** The datastore's directory. */
  readonly store: string;
  /** Where the server keeps its own files. */
  readonly state: string;
  /** Secrets of the tokens. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Ends all sessions and the server. */
  stop(): Promise<void>;
}

/** `ann@pbs!laptop` may do everything on the datastore, `ann@pbs!limited` only back up. */
async function makeAccounts(state: string): Promise<Map<string, string>> {
  const access = new AccessFile(accessFile(state), { waitSeconds: 60, cost: { n: 2, r: 1, p: 1 } });
  await access.addUser('ann@pbs', {}, undefined);
  const secrets = new Map<string, string>();
  const allow = (authId: string, role: string): Promise<void> =>
    access.setAcl({ path: `/datastore/${STORE}`, authId, role }, { propagate: true });
  await allow('ann@pbs', 'DatastoreAdmin');
  for (const [authId, role] of [
    [LAPTOP, 'DatastoreAdmin'],
    [LIMITED, 'DatastoreBackup'],
  ] as const) {
    secrets.set(authId, await access.addToken(authId, {}));
    await allow(authId, role);
  }
  return secrets;
}

/** Starts a server and stops it afterwards. */
export function withSessions(use: (world: SessionWorld) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const [store, state] = [join(directory, 'store'), join(directory, 'state')];
    mkdirSync(state, { mode: 0o700 });
    await createStore(store, { forServer: false });
    const secrets = await makeAccounts(state);
    const server = await startServer({
      ...{ host: '127.0.0.1', port: 0, stateDirectory: state, version: 'test', clock: still },
      datastores: [{ name: STORE, directory: store }],
      names: ['localhost'],
      openMetrics: false,
      log: () => undefined,
    });
    const { port, fingerprint } = server;
    const stop = (): Promise<void> => server.stop(0);
    try {
      await use({ port, fingerprint, store, state, secrets, stop });
    } finally {
      await stop();
    }
  });
}

/** All names below a directory that are not the store's own locks. */
export function namesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('.restat/') && statSync(join(directory, name)).isFile())
    .sort();
}
