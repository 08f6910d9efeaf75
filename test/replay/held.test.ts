/** The replayer accepts the recorded client: every session, sent again as it was recorded, is held. */
import test from 'ava';
import { makeCertificate } from '../support/replay/certificate.js';
import { readRecording, readSession } from '../support/replay/recording.js';
import { startReplay } from '../support/replay/replay.js';
import { bytes, replayed, resend } from './resend.js';

const RECORDINGS = [
  'login.jsonl',
  'limited.jsonl',
  'manage.jsonl',
  'backup-legacy-first.jsonl',
  'backup-legacy-second.jsonl',
  'backup-data.jsonl',
  'backup-metadata.jsonl',
  'backup-dry-run.jsonl',
  'backup-image.jsonl',
  'backup-image-second.jsonl',
  'backup-encrypted.jsonl',
  'restore.jsonl',
  'catalog.jsonl',
];

/** Its reply is longer than 4096 bytes and can be made from nothing else. */
const WITHOUT_REPLY: ReadonlySet<string> = new Set(['snapshot-list']);

const certificate = makeCertificate();

for (const file of RECORDINGS) {
  test(`all sessions of ${file} are held and answered as recorded`, async (t) => {
    const sessions = readRecording(file).filter(
      ({ name, connections }) => connections.length > 0 && !WITHOUT_REPLY.has(name),
    );
    t.true(sessions.length > 0);
    for (const session of sessions) {
      const { answers, problems } = await replayed(
        file,
        session.name,
        {},
        { certificate: await certificate },
      );
      t.deepEqual(problems, [], session.name);
      for (const { exchange, status, body } of answers) {
        t.is(status, exchange.status, exchange.target);
        t.deepEqual(body, await bytes(exchange.reply), exchange.target);
      }
    }
  });
}

test('a reply whose bytes nobody has is a failure that is said', async (t) => {
  const session = readSession('manage.jsonl', 'snapshot-list');
  const replay = await startReplay('manage.jsonl', session.name, { certificate: await certificate });
  await t.throwsAsync(resend(session, replay.port));
  t.regex((await replay.finish()).join('\n'), /nobody has the recorded body ae36cc1f/);
});
