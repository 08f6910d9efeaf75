/** Ctrl-C ends whatever waits for a server: at once, and not when the server has been silent for too long, which is after the end of a test. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { RunResult } from '../support/cli.js';
import { backupWords, fill, restoreWords, run, storeWithSnapshot } from '../support/pbs-world.js';
import { makeCertificate } from '../support/replay/certificate.js';
import type { Request } from '../support/replay/request.js';
import { type Behaviour, withSessionServer } from '../support/session-server.js';
import { withTemporaryDirectory } from '../support/world.js';

const certificate = makeCertificate();
const store = storeWithSnapshot();

interface Place {
  readonly directory: string;
  readonly repository: string;
}

/** Runs a command and interrupts it when the server has a request that it never answers. */
async function interruptedAt(
  isAffected: (request: Request) => boolean,
  words: (place: Place) => readonly string[],
): Promise<RunResult> {
  const silence = new Promise<never>(() => undefined);
  let interrupt = (): void => undefined;
  const hold = (request: Request): Promise<never> | undefined => {
    if (!isAffected(request)) return undefined;
    interrupt();
    return silence;
  };
  const behaviour: Behaviour = { certificate: await certificate, store: await store, hold };
  return withTemporaryDirectory((directory) =>
    withSessionServer(behaviour, ({ repository, env }) =>
      run(words({ directory, repository: repository() }), env, (process) => {
        interrupt = (): void => void process.kill('SIGINT');
      }),
    ),
  );
}

function isInterrupted(t: ExecutionContext, { code, signal, stderr }: RunResult): void {
  t.is(signal, null);
  t.is(code, 130, stderr);
  t.regex(stderr, /^Interrupted\.$/m);
  t.notRegex(stderr, /^Error/m);
}

const list = ({ repository }: Place): string[] => ['snapshot', 'list', '--repository', repository];
const restore = ({ directory, repository }: Place): string[] =>
  restoreWords(join(directory, 't'), repository);

test('SIGINT ends a plain request that is not answered', async (t) => {
  isInterrupted(t, await interruptedAt(({ path }) => path.endsWith('/snapshots'), list));
});

test('SIGINT ends a login that is not answered', async (t) => {
  const asUser = (place: Place): string[] => list(place).map((word) => word.replace('!laptop', ''));
  isInterrupted(t, await interruptedAt(({ path }) => path.endsWith('/access/ticket'), asUser));
});

for (const path of ['/api2/json/reader', '/download', '/chunk']) {
  test(`SIGINT ends a restore whose ${path} is not answered`, async (t) => {
    isInterrupted(t, await interruptedAt((request) => request.path === path, restore));
  });
}

for (const path of [
  '/api2/json/backup',
  '/previous_backup_time',
  '/dynamic_index',
  '/dynamic_chunk',
  '/finish',
]) {
  test(`SIGINT ends a backup whose ${path} is not answered`, async (t) => {
    const backup = ({ directory, repository }: Place): string[] =>
      backupWords(fill(join(directory, 's')), repository).map((word) => (word === 't' ? 'other' : word));
    isInterrupted(t, await interruptedAt((request) => request.path === path, backup));
  });
}
