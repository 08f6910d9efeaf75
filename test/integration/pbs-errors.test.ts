/** What a real server was heard to refuse, refused to the built command line: its words arrive, and no secret does. protocol.md §4.2, §5. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  backupWords,
  FILES,
  failsClearly,
  fill,
  forEachTogether,
  restoreWords,
  run,
  storeWithSnapshot,
  wholeFiles,
} from '../support/pbs-world.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { type Http1Reply, textReply } from '../support/replay/messages.js';
import { type Exchange, readRecording } from '../support/replay/recording.js';
import { type Request, recordedRequest } from '../support/replay/request.js';
import { refusal } from '../support/replay/rules.js';
import { isUpgrade } from '../support/replay/upgrade-rules.js';
import { type Behaviour, withSessionServer } from '../support/session-server.js';
import { withTemporaryDirectory } from '../support/world.js';

interface Refusal {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly text: string;
}

const certificate = makeCertificate();
const store = storeWithSnapshot();

/** Each refusal once. */
function refusals(exchanges: readonly Exchange[]): Refusal[] {
  const found = exchanges
    .filter(({ status }) => status >= 400)
    .map((exchange): Refusal => {
      const { method, path } = recordedRequest(exchange);
      return { method, path, status: exchange.status, text: exchange.reply.whole?.toString() ?? '' };
    });
  return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()];
}

const connections = ['errors.jsonl', 'limited.jsonl']
  .flatMap(readRecording)
  .flatMap((session) => session.connections);
const upgrades = refusals(connections.flatMap(({ http1 }) => http1.filter(isUpgrade)));
const plain = refusals(connections.flatMap(({ http1 }) => http1.filter((each) => !isUpgrade(each))));
const calls = refusals(connections.flatMap(({ streams }) => streams));

/** Calls that a backup or restore of a tree makes whatever the server has. */
const BACKUP_CALLS: readonly string[] = [
  'POST /dynamic_index',
  'POST /dynamic_chunk',
  'PUT /dynamic_index',
  'POST /dynamic_close',
  'POST /blob',
  'POST /finish',
];
const READER_CALLS: readonly string[] = ['GET /download', 'GET /chunk'];

/** Refusals of these calls; what is wrong with a parameter is heard once for each call. */
function ofCalls(names: readonly string[]): Refusal[] {
  return names.flatMap((name) => {
    const all = calls.filter(({ method, path }) => `${method} ${path}` === name);
    const first = all.find(isParameterError);
    return all.filter((each) => each === first || !isParameterError(each));
  });
}

function isParameterError({ text }: Refusal): boolean {
  return text.startsWith('parameter verification failed');
}

/** The command fails with the server's words. */
async function fails(
  t: ExecutionContext,
  command: 'backup' | 'restore',
  behaviour: Behaviour,
  text: string,
): Promise<void> {
  const parts = { ...behaviour, certificate: await certificate, store: await store };
  await withTemporaryDirectory((directory) =>
    withSessionServer(parts, async ({ repository, env }) => {
      const words =
        command === 'backup'
          ? [...backupWords(fill(join(directory, 's')), repository()), '--lock-wait', '0']
          : restoreWords(join(directory, 't'), repository());
      const result = await run(words, env);
      failsClearly(t, result, text);
      const line = result.stderr.split('\n').find((each) => each.startsWith('Error: '));
      t.true(line?.includes(text), `${text}: ${result.stderr}`);
    }),
  );
}

/** The command fails when this call is refused. */
function failsAtCall(
  t: ExecutionContext,
  command: 'backup' | 'restore',
  { method, path, status, text }: Refusal,
): Promise<void> {
  const change: Behaviour['change'] = (request, honest) =>
    request.method === method && request.path === path ? refusal(text, status) : honest;
  return fails(t, command, { change }, text);
}

test('a refused upgrade ends a backup or restore with the words of the server', async (t) => {
  t.true(upgrades.length > 15);
  const login = { method: 'GET', path: '/api2/json/backup', status: 401, text: 'authentication failed' };
  await forEachTogether([...upgrades, login, { ...login, path: '/api2/json/reader' }], (each) => {
    const command = each.path.endsWith('/reader') ? 'restore' : 'backup';
    return fails(t, command, { refuse: () => textReply(each.status, each.text) }, each.text);
  });
});

test('a refused call of a backup ends it with the words of the server', async (t) => {
  const recorded = ofCalls(BACKUP_CALLS);
  for (const name of BACKUP_CALLS) t.true(recorded.some(({ method, path }) => `${method} ${path}` === name));
  await forEachTogether(recorded, (each) => failsAtCall(t, 'backup', each));
});

test('a refused file or chunk ends a restore with the words of the server', async (t) => {
  const recorded = ofCalls(READER_CALLS);
  for (const name of READER_CALLS) t.true(recorded.some(({ method, path }) => `${method} ${path}` === name));
  await forEachTogether(recorded, (each) => failsAtCall(t, 'restore', each));
});

test('a refused plain request ends a command with the words of the server', async (t) => {
  t.true(plain.length > 5);
  await forEachTogether(plain, async ({ status, text }) => {
    const behaviour = { rest: () => textReply(status, text), certificate: await certificate };
    await withSessionServer(behaviour, async ({ repository, env }) => {
      const result = await run(['snapshot', 'list', '--repository', repository()], env);
      failsClearly(t, result, text);
      t.true(result.stderr.includes(text), result.stderr);
    });
  });
});

test('a user whose ticket is refused in the middle of a run is logged in once more', async (t) => {
  let logins = 0;
  // As after a restart with another key: the first ticket opens nothing.
  const isRefused = ({ headers }: Request): boolean => headers.get('cookie') !== 'PBSAuthCookie=T2';
  const rest = ({ path }: Request): Http1Reply => {
    if (!path.endsWith('/access/ticket')) return textReply(404, 'not expected');
    logins += 1;
    const data = { username: 'ann@pbs', ticket: `T${logins}`, CSRFPreventionToken: 'C' };
    return textReply(200, JSON.stringify({ data }));
  };
  const refuse = (request: Request): Http1Reply | undefined =>
    isRefused(request) ? textReply(401, 'authentication failed') : undefined;
  const behaviour = { rest, refuse, certificate: await certificate, store: await store };
  await withTemporaryDirectory((directory) =>
    withSessionServer(behaviour, async ({ repository, env }) => {
      const target = join(directory, 't');
      const result = await run(restoreWords(target, repository().replace('!laptop', '')), env);
      t.is(result.code, 0, result.stderr);
      t.is(wholeFiles(t, target, 'after a new login'), FILES.length);
      t.is(logins, 2);
    }),
  );
});
