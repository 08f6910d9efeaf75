/** A server that answers calls and requests with what makes no sense: each is an error that says so. protocol.md §4.4, rest-api.md §1.2. */
import { join } from 'node:path';
import test from 'ava';
import { backupWords, failsClearly, fill, forEachTogether, run } from '../support/pbs-world.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { textReply } from '../support/replay/messages.js';
import type { Request } from '../support/replay/request.js';
import type { Reply } from '../support/replay/rules.js';
import { withSessionServer } from '../support/session-server.js';
import { withTemporaryDirectory } from '../support/world.js';

const certificate = makeCertificate();

const SNAPSHOT = { 'backup-type': 'host', 'backup-id': 't', 'backup-time': 5, files: [], protected: false };

/** What is no list of snapshots. */
const NONSENSE: readonly string[] = [
  '',
  'no JSON',
  '[]',
  '{}',
  '{"data":null}',
  '{"data":"x"}',
  '{"data":[7]}',
  '{"data":[{}]}',
  ...[
    { ...SNAPSHOT, 'backup-id': '../../x' },
    { ...SNAPSHOT, 'backup-id': 'a\u001b[2Jb' },
    { ...SNAPSHOT, 'backup-type': 'tape' },
    { ...SNAPSHOT, 'backup-time': -5 },
    { ...SNAPSHOT, 'backup-time': 1e300 },
    { ...SNAPSHOT, 'backup-time': '5' },
  ].map((snapshot) => JSON.stringify({ data: [snapshot] })),
  `${'['.repeat(100_000)}`,
];

/** Replies to calls of a backup that make no sense. */
const WRONG_VALUES: readonly (readonly [call: string, reply: string])[] = [
  ...['', 'no JSON', '{}', '{"data":"x"}', '{"data":0}', '{"data":257}', '{"data":1.5}'].map(
    (reply) => ['/dynamic_index', reply] as const,
  ),
  ...['{}', '{"data":-1}', '{"data":"x"}', '{"data":1e300}'].map(
    (reply) => ['/previous_backup_time', reply] as const,
  ),
  ['/dynamic_close', '{"data":7}'],
  ['/finish', 'no JSON'],
];

test('a backup ends when the server says what makes no sense', async (t) => {
  await forEachTogether(WRONG_VALUES, async ([call, text]) => {
    const change = ({ method, path }: Request, reply: Reply): Reply =>
      path === call && method !== 'PUT' ? { ...reply, body: Buffer.from(text) } : reply;
    await withTemporaryDirectory(async (directory) =>
      withSessionServer({ change, certificate: await certificate }, async ({ repository, env }) => {
        const result = await run(backupWords(fill(join(directory, 's')), repository()), env);
        failsClearly(t, result, `${call} ${text}`);
        t.regex(result.stderr, /^Error: the answer to \w+ is not what the protocol says/m);
      }),
    );
  });
});

test('a list that is none is an error', async (t) => {
  await forEachTogether(NONSENSE, async (text) => {
    const behaviour = { rest: () => textReply(200, text), certificate: await certificate };
    await withSessionServer(behaviour, async ({ repository, env }) => {
      const result = await run(['snapshot', 'list', '--repository', repository()], env);
      failsClearly(t, result, text.slice(0, 100));
      t.is(result.stdout, '', text.slice(0, 100));
      t.notRegex(result.stderr, /[^\P{Cc}\n]/u, text.slice(0, 100));
    });
  });
});
