/** Management commands with a server: the recorded sessions of manage.jsonl, with the built program as the client. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type RunResult, restat } from '../support/cli.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { contentOf } from '../support/replay/container.js';
import { type RecordedSession, readRecording } from '../support/replay/recording.js';
import { type Replay, startReplay } from '../support/replay/replay.js';
import { recordedRequest } from '../support/replay/request.js';
import { withTemporaryDirectory } from '../support/world.js';

const RECORDING = 'manage.jsonl';
/** Whole backups are tested elsewhere; the reply of `snapshot-list` is not in the recording. */
const ELSEWHERE = /^(?:backup-to|snapshot-list$)/;
const certificate = makeCertificate();

const sessions = readRecording(RECORDING).filter(({ name }) => !ELSEWHERE.test(name));

/** What was typed: an answer to the question of `group forget`. */
const TYPED: ReadonlyMap<string, string> = new Map([
  ['group-forget-no', 'n\n'],
  ['group-forget-yes', 'y\n'],
]);

/** The log that was uploaded in the session, if one was. */
function uploadedLog({ connections }: RecordedSession): Buffer {
  const uploads = connections.flatMap(({ http1 }) => http1.map(recordedRequest));
  const upload = uploads.find(({ path }) => path.endsWith('upload-backup-log'));
  return (upload && contentOf(upload.body, 'client.log')) ?? Buffer.alloc(0);
}

/** Runs the recorded command line against the replay. */
function runRecorded(session: RecordedSession, replay: Replay, directory: string): Promise<RunResult> {
  const script = 'cd "$1"; printf %s "$2" | (shift 2; "$@")';
  return restat(replay.client?.arguments ?? [], {
    wrapper: ['sh', '-c', script, 'sh', directory, TYPED.get(session.name) ?? ''],
    env: {
      PBS_REPOSITORY: replay.repository,
      PBS_PASSWORD: replay.secret,
      PBS_FINGERPRINT: replay.fingerprint,
    },
  });
}

/** Arrays of objects in an order of their own: the reference client leaves lists as the server sends them. */
function unordered(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function comparable(stdout: string, words: readonly string[]): unknown {
  return words.includes('json') ? unordered(JSON.parse(stdout)) : stdout;
}

/** Ours is another program. */
function withoutClient(output: unknown, name: string): unknown {
  if (name !== 'version' || typeof output !== 'object') return output;
  return { ...output, client: undefined };
}

test('there are sessions of every command', (t) => {
  t.true(sessions.length >= 30);
});

for (const session of sessions) {
  const { name, client } = session;
  test(`recorded session ${name}: ${client?.arguments.join(' ')}`, async (t) => {
    const replay = await startReplay(RECORDING, name, { certificate: await certificate });
    const { code, stdout, stderr } = await withTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, 'run.log'), uploadedLog(session));
      return runRecorded(session, replay, directory);
    });
    t.deepEqual(await replay.finish(), [], stderr);
    t.is(code, client?.exit === 0 ? 0 : 1, stderr);
    const words = client?.arguments ?? [];
    t.deepEqual(
      withoutClient(comparable(stdout, words), name),
      withoutClient(comparable(client?.stdout ?? '', words), name),
    );
    if (code !== 0) t.is(stderr, `${client?.stderr.join('\n')}\n`);
    t.false(stderr.includes(replay.secret));
  });
}
