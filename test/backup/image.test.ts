import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { backupImage } from '../../src/backup/image.js';
import { Report } from '../../src/backup/report.js';
import { parseSources } from '../../src/backup/sources.js';
import { LocalRepository } from '../../src/repository/local/local-repository.js';
import type { BackupSession } from '../../src/repository/repository.js';
import { Seal } from '../../src/repository/seal.js';
import { backupTime, parseBackupId, parseBackupType, ROOT_NAMESPACE } from '../../src/snapshot/names.js';
import { restatOk } from '../support/cli.js';
import { withTemporaryDirectory } from '../support/world.js';

const TIME = 1_700_000_000;

async function beginSession(store: string): Promise<BackupSession> {
  await restatOk(['datastore', 'create', store]);
  const repository = await LocalRepository.open(store, { sync: 'none' });
  const group = { type: parseBackupType('host'), id: parseBackupId('t') };
  return repository.begin(ROOT_NAMESPACE, group, backupTime(TIME), {
    ...{ owner: 'root@pam', seal: Seal.none, waitSeconds: 0, now: TIME, checkpoints: undefined },
    ...{ signal: new AbortController().signal, say: () => undefined },
  });
}

test('an interrupt while the stream of an image begins ends it before anybody waits for a FIFO', (t) =>
  withTemporaryDirectory(async (directory) => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const session = await beginSession(join(directory, 'store'));
    const controller = new AbortController();
    const sink: BackupSession['sink'] = (...words) => {
      controller.abort(new Error('interrupted'));
      return session.sink(...words);
    };
    const interrupting = new Proxy(session, {
      get: (target, name) => (name === 'sink' ? sink : Reflect.get(target, name, target)),
    });
    const options = {
      ...{ report: new Report({ onWarning: () => undefined }), dryRun: false, signal: controller.signal },
      ...{ onMessage: () => undefined, onProgress: () => undefined },
    };
    const [source] = parseSources([`in.img:${fifo}`]);
    await t.throwsAsync(backupImage(source!, options, interrupting), { message: 'interrupted' });
    await session.abort();
  }));
