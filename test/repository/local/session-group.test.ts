/** Who becomes the owner of a group, by a backup on this machine and by one of a server's client. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { LocalRepository } from '../../../src/repository/local/local-repository.js';
import type { ReceivedSession } from '../../../src/repository/local/session-received.js';
import { createStore } from '../../../src/repository/local/store.js';
import { Seal } from '../../../src/repository/seal.js';
import { backupTime, parseGroup, ROOT_NAMESPACE } from '../../../src/snapshot/names.js';

const GROUP = parseGroup('host/a');
const ANN = 'ann@pbs';

interface Place {
  readonly repository: LocalRepository;
  /** The group's directory. */
  readonly directory: string;
}

async function withStore(t: ExecutionContext): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  await createStore(root, { forServer: false });
  return {
    repository: await LocalRepository.open(root, { sync: 'none' }),
    directory: join(root, 'host/a'),
  };
}

function ownerOf({ directory }: Place): string | undefined {
  const path = join(directory, 'owner');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

async function backUp({ repository }: Place, time: number): Promise<void> {
  const options = { waitSeconds: 0, owner: 'root@pam', seal: Seal.none, now: 1_700_000_000 };
  const session = await repository.begin(ROOT_NAMESPACE, GROUP, backupTime(time), options);
  await session.finish({});
}

function receive({ repository }: Place, time: number, owner = ANN): Promise<ReceivedSession> {
  const mayUse = (found: string): boolean => found === owner;
  const options = { owner, mayUse, benchmark: false };
  return repository.receive(ROOT_NAMESPACE, { ...GROUP, time: backupTime(time) }, options);
}

test('a backup on this machine gives a group without owner its own', async (t) => {
  const place = await withStore(t);
  await backUp(place, 1000);
  rmSync(join(place.directory, 'owner'));
  await backUp(place, 2000);
  t.is(ownerOf(place), 'root@pam\n');
});

test('a client does not become the owner of snapshots that have none, and leaves nothing locked', async (t) => {
  const place = await withStore(t);
  await backUp(place, 1000);
  rmSync(join(place.directory, 'owner'));
  await t.throwsAsync(receive(place, 2000), {
    code: 'GROUP_OWNER',
    message: `unable to read "${place.directory}/owner" - No such file or directory (os error 2)`,
  });
  t.deepEqual(readdirSync(place.directory), ['1970-01-01T00:16:40Z']);
  await place.repository.management().changeOwner(ROOT_NAMESPACE, GROUP, ANN, { waitSeconds: 0 });
  await (await receive(place, 2000)).abort();
});

test('a client becomes the owner of a directory that was made for a group, but got no owner', async (t) => {
  const place = await withStore(t);
  mkdirSync(place.directory, { recursive: true });
  await (await receive(place, 1000)).abort();
  t.is(ownerOf(place), `${ANN}\n`);
  await t.throwsAsync(receive(place, 1000, 'bob@pbs'), {
    code: 'GROUP_OWNER',
    message: 'backup owner check failed (bob@pbs != ann@pbs)',
  });
});

test('what stands in the place of an owner but cannot be read is no owner', async (t) => {
  const place = await withStore(t);
  mkdirSync(join(place.directory, 'owner'), { recursive: true });
  await t.throwsAsync(receive(place, 1000), { code: 'GROUP_OWNER', message: /^unable to read / });
});
