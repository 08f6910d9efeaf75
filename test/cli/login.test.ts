/** `restat login`, `logout`, and the questions of a terminal, against a small server. */
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type RunResult, restat } from '../support/cli.js';
import { answer, type Handler, type TestServer, withServer } from '../support/https-server.js';
import { withTemporaryDirectory } from '../support/world.js';

const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
const PASSWORD = 'Passw0rd-ann';
const TICKET = 'PBS:ann@pbs:6B02DDB2::c2lnbmF0dXJl';

const handler: Handler = ({ method, url, headers, body }, response) => {
  if (method === 'POST' && url === '/api2/json/access/ticket') {
    const { password } = JSON.parse(body);
    const data = { username: 'ann@pbs', ticket: TICKET, CSRFPreventionToken: 'C' };
    if (password === PASSWORD || password === TICKET) answer(response, 200, JSON.stringify({ data }));
    else answer(response, 401, 'permission check failed.');
  } else if (headers.cookie === `PBSAuthCookie=${TICKET}`) answer(response, 200, '{"data":[]}');
  else answer(response, 401, 'authentication failed');
};

interface World extends TestServer {
  readonly tickets: string;
  readonly fingerprints: string;
  readonly pinned: Readonly<Record<string, string>>;
  readonly password: Readonly<Record<string, string>>;
  run(words: readonly string[], env: Readonly<Record<string, string>>): Promise<RunResult>;
  /** The same at a terminal, at which these texts are typed when those appear. */
  type(
    words: readonly string[],
    env: Readonly<Record<string, string>>,
    steps: readonly [string, string][],
  ): Promise<RunResult>;
}

function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  return withTemporaryDirectory((directory) =>
    withServer(handler, async (server) => {
      const [runtime, config] = [join(directory, 'run'), join(directory, 'config')];
      await mkdir(runtime);
      await chmod(runtime, 0o700);
      const base = {
        XDG_RUNTIME_DIR: runtime,
        XDG_CONFIG_HOME: config,
        PBS_REPOSITORY: `ann@pbs@127.0.0.1:${server.port}:vectors`,
      };
      await use({
        ...server,
        tickets: join(runtime, 'proxmox-backup', 'tickets'),
        fingerprints: join(config, 'proxmox-backup', 'fingerprints'),
        pinned: { PBS_FINGERPRINT: server.fingerprint },
        password: { PBS_PASSWORD: PASSWORD },
        run: (words, env) => restat(words, { env: { ...base, ...env } }),
        type: (words, env, steps) =>
          restat(words, { env: { ...base, ...env }, wrapper: ['python3', TERMINAL, JSON.stringify(steps)] }),
      });
    }),
  );
}

test('login keeps a ticket, list uses it, logout forgets it', (t) =>
  withWorld(async ({ run, pinned, password, tickets, seen }) => {
    t.like(await run(['login'], { ...pinned, ...password }), { code: 0, stdout: '', stderr: '' });
    const entry = JSON.parse(await readFile(tickets, 'utf8'))['127.0.0.1']['ann@pbs'];
    t.like(entry, { ticket: TICKET, token: 'C' });
    t.true(Math.abs(entry.timestamp - Date.now() / 1000) < 600);
    t.is((await stat(tickets)).mode & 0o777, 0o600);
    t.like(await run(['list'], pinned), { code: 0, stdout: '', stderr: '' });
    t.deepEqual(
      seen.map(({ method, url }) => `${method} ${url}`),
      [
        'POST /api2/json/access/ticket',
        'POST /api2/json/access/ticket',
        'GET /api2/json/admin/datastore/vectors/groups',
      ],
    );
    t.is(JSON.parse(seen[1]!.body).password, TICKET);
    t.like(await run(['logout'], pinned), { code: 0, stdout: '', stderr: '' });
    t.like(await run(['logout'], pinned), {
      code: 0,
      stderr: 'Warning: there is no ticket of ann@pbs for 127.0.0.1\n',
    });
    t.like(await run(['list'], pinned), {
      code: 1,
      stderr: 'Error: no password input mechanism available for ann@pbs\n',
    });
  }));

test('a wrong password is refused, and its text is nowhere', (t) =>
  withWorld(async ({ run, pinned }) => {
    const env = { ...pinned, PBS_PASSWORD: 'geheim-1', RESTAT_DEBUG: '1' };
    const { code, stdout, stderr } = await run(['login'], env);
    t.is(code, 1);
    t.regex(stderr, /^Error: the server did not let ann@pbs in: permission check failed\.$/m);
    t.false((stdout + stderr).includes('geheim-1'));
  }));

test('a server that nobody vouches for is refused before anything is sent', (t) =>
  withWorld(async ({ run, password, seen, fingerprint }) => {
    const wrong = { PBS_FINGERPRINT: Array.from({ length: 32 }, () => '00').join(':') };
    for (const env of [password, { ...password, ...wrong }]) {
      const { code, stderr } = await run(['list'], env);
      t.is(code, 1);
      t.regex(stderr, /^Error: the certificate of 127\.0\.0\.1 was not accepted: it is self-signed \(DEPTH_/);
      t.true(stderr.includes(fingerprint));
    }
    t.is(seen.length, 0);
  }));

test('the fingerprint that the reference client kept is enough', (t) =>
  withWorld(async ({ run, password, fingerprints, fingerprint }) => {
    await mkdir(join(fingerprints, '..'), { recursive: true });
    await writeFile(fingerprints, `127.0.0.1 ${fingerprint}\n`);
    t.like(await run(['list'], password), { code: 0, stderr: '' });
  }));

test('login needs a server, a user and a place for the ticket', (t) =>
  withWorld(async ({ run, pinned, password, seen }) => {
    const cases: readonly (readonly [
      words: string[],
      env: Record<string, string>,
      code: number,
      text: RegExp,
    ])[] = [
      [['--repository', '/dir'], {}, 2, /a server is needed/],
      [['--repository', 'ann@pbs!t@127.0.0.1:s'], {}, 2, /is an API token/],
      [[], { XDG_RUNTIME_DIR: '' }, 1, /no place to keep a ticket/],
      [[], { PBS_PASSWORD_FILE: '/nonexistent', PBS_PASSWORD: '' }, 1, /did not let ann@pbs in/],
    ];
    for (const [words, env, code, text] of cases) {
      const result = await run(['login', ...words], { ...pinned, ...password, ...env });
      t.is(result.code, code);
      t.regex(result.stderr, text);
    }
    t.is(seen.length, 1);
  }));

test('a password that cannot be read ends the command', (t) =>
  withWorld(async ({ run, pinned, seen }) => {
    const result = await run(['list'], { ...pinned, PBS_PASSWORD_FILE: '/nonexistent' });
    t.like(result, { code: 1, stderr: 'Error: PBS_PASSWORD_FILE: cannot be read (ENOENT)\n' });
    t.is(seen.length, 0);
  }));

test('a connection with a rate does not keep the command from ending', (t) =>
  withWorld(async ({ run, pinned, password }) => {
    t.like(await run(['list', '--rate', '10MB', '--burst', '1KiB'], { ...pinned, ...password }), {
      code: 0,
      stderr: '',
    });
  }));

test('at a terminal the password and the fingerprint are asked for; the password is not shown', (t) =>
  withWorld(async ({ type, fingerprint, fingerprints, tickets }) => {
    const { code, stdout } = await type(['login'], {}, [
      ['Password for "ann@pbs": ', `${PASSWORD}\r`],
      ['(y/n): ', 'what\r'],
      ['(y/n): ', 'y\r'],
    ]);
    t.is(code, 0, stdout);
    t.true(stdout.includes(`fingerprint: ${fingerprint}`));
    t.false(stdout.includes(PASSWORD));
    t.is(await readFile(fingerprints, 'utf8'), `127.0.0.1 ${fingerprint}\n`);
    t.true((await readFile(tickets, 'utf8')).includes(TICKET));
  }));

test('a fingerprint that is answered with n is refused', (t) =>
  withWorld(async ({ type, password, seen }) => {
    const { code, stdout } = await type(['list'], password, [['(y/n): ', 'n\r']]);
    t.is(code, 1);
    t.regex(stdout, /was not accepted/);
    t.is(seen.length, 0);
  }));

test('^C at a question interrupts', (t) =>
  withWorld(async ({ type, pinned }) => {
    t.is((await type(['list'], pinned, [['Password for', '\u0003']])).code, 130);
  }));
