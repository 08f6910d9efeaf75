/** Management commands on a datastore directory: the golden one, through the built program. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { canonicalManifest, decodeManifest, type Manifest } from '../../src/snapshot/manifest.js';
import { restat } from '../support/cli.js';
import { type Golden, recordedOutputs, withGolden } from './golden.js';

const SECOND = 'host/alpha/2023-11-14T22:46:40Z';
const THIRD = 'host/alpha/2023-11-14T23:03:20Z';
const SIGNED = 'host/signed/2023-11-14T22:13:30Z';
const JSON_FORMAT = ['--output-format', 'json'];

function storeOf({ directory }: Golden): string {
  return join(directory, 'store');
}

function manifestOf(golden: Golden, snapshot: string): Manifest {
  return decodeManifest(readFileSync(join(storeOf(golden), snapshot, 'index.json.blob')));
}

/** Runs a command that has to succeed without a word on standard error. */
async function ok({ run }: Golden, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(words);
  if (code !== 0 || stderr !== '') throw new Error(`${words.join(' ')}: ${code}\n${stderr}`);
  return stdout;
}

/** Outputs of commands that only look, as far as the golden store is what the recording saw. */
const LOOKING = /^(?:snapshot (?:notes|protected) show|namespace list|prune )/;

test('what is shown is what the reference client printed', async (t) => {
  await withGolden(async (golden) => {
    const recorded = recordedOutputs.filter(({ arguments: words }) => LOOKING.test(words.join(' ')));
    t.is(recorded.length, 5);
    for (const { arguments: words, stdout } of recorded)
      t.is(await ok(golden, ...words), stdout, words.join(' '));
  });
});

test('notes of a snapshot are replaced and removed; signature and what it covers stay', async (t) => {
  await withGolden(async (golden) => {
    const before = manifestOf(golden, SIGNED);
    await ok(golden, 'snapshot', 'notes', 'update', SIGNED, 'zwei\nZeilen: ä');
    const after = manifestOf(golden, SIGNED);
    t.deepEqual(after, { ...before, unprotected: { ...before.unprotected, notes: 'zwei\nZeilen: ä' } });
    t.is(canonicalManifest(after), canonicalManifest(before));
    t.truthy(after.signature);
    t.is(await ok(golden, 'snapshot', 'notes', 'show', SIGNED), 'zwei\nZeilen: ä\n');
    const [row] = z
      .array(z.object({ comment: z.string().optional() }))
      .parse(JSON.parse(await ok(golden, 'snapshot', 'list', 'host/signed', ...JSON_FORMAT)));
    t.is(row?.comment, 'zwei');
    await ok(golden, 'snapshot', 'notes', 'update', SIGNED, '');
    t.deepEqual(manifestOf(golden, SIGNED), before);
  });
});

test('notes leave a server’s verify state in the manifest', async (t) => {
  await withGolden(async (golden) => {
    const { verify_state: state } = manifestOf(golden, THIRD).unprotected;
    await ok(golden, 'snapshot', 'notes', 'update', THIRD, 'new');
    t.truthy(state);
    t.deepEqual(manifestOf(golden, THIRD).unprotected['verify_state'], state);
  });
});

test('a snapshot that was protected is not deleted, and can be set free again', async (t) => {
  await withGolden(async (golden) => {
    const { run } = golden;
    t.is(await ok(golden, 'snapshot', 'protected', 'show', THIRD), 'false\n');
    await ok(golden, 'snapshot', 'protected', 'update', THIRD, 'yes');
    await ok(golden, 'snapshot', 'protected', 'update', THIRD, 'true');
    t.is(await ok(golden, 'snapshot', 'protected', 'show', THIRD), 'true\n');
    t.is(readFileSync(join(storeOf(golden), THIRD, '.protected'), 'utf8'), '');
    const refused = await run(['snapshot', 'forget', THIRD]);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /is protected/);
    await ok(golden, 'snapshot', 'protected', 'update', THIRD, 'off');
    await ok(golden, 'snapshot', 'forget', THIRD);
    t.false(existsSync(join(storeOf(golden), THIRD)));
    t.is((await run(['snapshot', 'protected', 'update', SECOND, 'perhaps'])).code, 2);
  });
});

test('a log is kept with its snapshot once', async (t) => {
  await withGolden(async (golden) => {
    const said = await ok(golden, 'snapshot', 'upload-log', SECOND, 'vm.conf');
    t.is(said, 'Result: {\n  "data": null\n}\n');
    const files = JSON.parse(await ok(golden, 'snapshot', 'files', SECOND, ...JSON_FORMAT));
    t.deepEqual(files.at(-1), { filename: 'client.log.blob' });
    const again = await golden.run(['upload-log', SECOND, 'vm.conf']);
    t.is(again.code, 1);
    t.regex(again.stderr, /already contains a log/);
    t.regex((await golden.run(['upload-log', SECOND, 'alpha'])).stderr, /EISDIR/);
  });
});

test('prune deletes what it said it would, and nothing else', async (t) => {
  await withGolden(async (golden) => {
    const words = ['prune', 'host/alpha', '--keep-last', '1'];
    const expected = recordedOutputs.find(({ arguments: line }) => line[0] === 'prune')?.stdout ?? '';
    const before = readdirSync(join(storeOf(golden), 'host/alpha'));
    t.is(await ok(golden, ...words, '--dry-run', ...JSON_FORMAT), expected);
    t.deepEqual(readdirSync(join(storeOf(golden), 'host/alpha')), before);
    t.is(await ok(golden, ...words, ...JSON_FORMAT), expected);
    t.deepEqual(readdirSync(join(storeOf(golden), 'host/alpha')).sort(), [
      '2023-11-14T22:46:40Z',
      '2023-11-14T23:36:40Z',
      'notes',
      'owner',
    ]);
  });
});

test('prune --quiet shows removals only, and without keep options removes nothing', async (t) => {
  await withGolden(async (golden) => {
    const rows = z.array(z.object({ 'backup-time': z.int(), keep: z.boolean() }));
    const quiet = ['prune', 'host/alpha', '--keep-daily', '1', '--quiet', '--dry-run', ...JSON_FORMAT];
    t.deepEqual(
      rows.parse(JSON.parse(await ok(golden, ...quiet))).map((row) => row['backup-time']),
      [1_700_001_000, 1_700_003_000, 1_700_004_000],
    );
    t.is(await ok(golden, 'prune', 'host/alpha', '--quiet'), '');
    const missing = await golden.run(['prune', 'host/nobody', '--keep-last', '1']);
    t.is(missing.code, 1);
    t.regex(missing.stderr, /host\/nobody has no snapshot/);
  });
});

test('a group is deleted after a yes, or with --yes, but for what is protected', async (t) => {
  await withGolden(async (golden) => {
    const { directory, run } = golden;
    const answer = (text: string) =>
      restat(['group', 'forget', 'host/disk'], {
        wrapper: ['sh', '-c', 'cd "$1"; printf "$2" | (shift 2; "$@")', 'sh', directory, text],
        env: { PBS_REPOSITORY: storeOf(golden) },
      });
    const question = 'Delete group "host/disk" with 2 snapshot(s)? [y/N]: ';
    for (const text of ['', 'n\\n', 'yesterday\\n']) {
      const { code, stdout } = await answer(text);
      t.deepEqual([code, stdout], [0, `${question}Abort.\n`]);
    }
    t.is((await answer('y\\n')).stdout, `${question}Successfully deleted group!\n`);
    t.false(existsSync(join(storeOf(golden), 'host/disk')));
    t.is(await ok(golden, 'group', 'forget', 'host/kinds', '--yes'), 'Successfully deleted group!\n');
    const partly = await run(['group', 'forget', 'host/alpha', '--yes']);
    t.is(partly.code, 1);
    t.regex(partly.stderr, /only partially deleted: 1 of its snapshots are protected/);
    t.true(existsSync(join(storeOf(golden), SECOND)));
    t.false(existsSync(join(storeOf(golden), THIRD)));
    t.regex((await run(['group', 'forget', 'host/kinds', '--yes'])).stderr, /there is no group host\/kinds/);
  });
});

test('notes and owner of a group', async (t) => {
  await withGolden(async (golden) => {
    const group = join(storeOf(golden), 'host/alpha');
    t.is(await ok(golden, 'group', 'notes', 'show', 'host/alpha'), 'notes of the whole group\nmore\n');
    await ok(golden, 'group', 'notes', 'update', 'host/alpha', 'other');
    t.is(readFileSync(join(group, 'notes'), 'utf8'), 'other');
    t.is(await ok(golden, 'group', 'notes', 'show', 'host/alpha', ...JSON_FORMAT), '{"notes":"other"}\n');
    await ok(golden, 'group', 'notes', 'update', 'host/alpha', '');
    await ok(golden, 'group', 'notes', 'update', 'host/alpha', '');
    t.false(existsSync(join(group, 'notes')));
    await ok(golden, 'change-owner', 'host/alpha', 'bob@pam!token');
    t.is(readFileSync(join(group, 'owner'), 'utf8'), 'bob@pam!token\n');
    for (const owner of ['bob', 'bob@pam\nx', '@pam', 'a b@pam', 'bob@pam!']) {
      const { code, stderr } = await golden.run(['change-owner', 'host/alpha', owner]);
      t.is(code, 1, owner);
      t.regex(stderr, /is no owner/);
    }
    t.is((await golden.run(['change-owner', 'host/none', 'bob@pam'])).code, 1);
    t.false(existsSync(join(storeOf(golden), 'host/none')));
  });
});

test('namespaces are made level by level and deleted as far as they are empty', async (t) => {
  await withGolden(async (golden) => {
    const store = storeOf(golden);
    const fails = async (line: string, code: number, message: RegExp): Promise<void> => {
      const result = await golden.run(line.split(' '));
      t.is(result.code, code, line);
      t.regex(result.stderr, message);
    };
    await fails('namespace create a/b', 1, /there is no namespace a/);
    await ok(golden, 'namespace', 'create', 'a');
    await ok(golden, 'namespace', 'create', '--ns', 'a/b');
    await ok(golden, 'namespace', 'create', 'a/b');
    t.is(await ok(golden, 'namespace', 'list'), 'a\na/b\nns1\nns1/ns2\n');
    t.is(await ok(golden, 'namespace', 'list', 'a', '--max-depth', '0'), 'a\n');
    t.is(await ok(golden, 'namespace', 'list', 'a', ...JSON_FORMAT), '{"data":[{"ns":"a"},{"ns":"a/b"}]}\n');
    await fails('namespace delete', 2, /root namespace/);
    await fails('namespace create a --ns a', 2, /given twice/);
    await fails(`namespace create ${'x'.repeat(33)}`, 1, /at most 32 characters/);
    await fails('namespace list nowhere', 1, /there is no namespace nowhere/);
    await ok(golden, 'namespace', 'delete', 'a');
    t.false(existsSync(join(store, 'ns/a')));
    await fails('namespace delete ns1', 1, /groups in it/);
    t.true(existsSync(join(store, 'ns/ns1/ns/ns2/host/beta')));
    await ok(golden, 'snapshot', 'protected', 'update', ...BETA, 'true');
    await fails('namespace delete ns1 --delete-groups', 1, /1 snapshots in it are protected/);
    t.deepEqual(readdirSync(join(store, 'ns/ns1/ns/ns2/host/beta')).sort(), [
      '2023-11-14T22:15:00Z',
      'owner',
    ]);
    await ok(golden, 'snapshot', 'protected', 'update', ...BETA, 'false');
    await ok(golden, 'namespace', 'delete', 'ns1', '--delete-groups');
    t.is(await ok(golden, 'namespace', 'list'), '');
    t.false(existsSync(join(store, 'ns/ns1')));
  });
});

const BETA = ['--ns', 'ns1/ns2', 'host/beta/2023-11-14T22:15:00Z'];

test('status shows bytes and shares, without a header', async (t) => {
  await withGolden(async (golden) => {
    const row = /^(?:[┌├└].*|│ (?:total|used|avail) +│ +\d+ [ (]{1,3}\d+ %\) │)$/;
    const lines = (await ok(golden, 'status')).trimEnd().split('\n');
    t.is(lines.length, 7);
    for (const line of lines) t.regex(line, row);
    t.regex(lines[1]!, /^│ total │ \d+ \(100 %\) │$/);
    const status = z
      .strictObject({
        total: z.int(),
        used: z.int(),
        avail: z.int(),
        'backend-type': z.literal('filesystem'),
      })
      .parse(JSON.parse(await ok(golden, 'status', ...JSON_FORMAT)));
    t.true(status.used + status.avail <= status.total);
  });
});

test('what a directory cannot do says so', async (t) => {
  const upid = 'UPID:vm:00006110:0004BB07:00000241:6B02DDC9:garbage_collection:vectors:ann@pbs!laptop:';
  await withGolden(async ({ run }) => {
    for (const words of [
      ['garbage-collect'],
      ['verify'],
      ['verify', 'host/alpha'],
      ['group', 'move', 'host/alpha', '--target-ns', 'ns1'],
      ['namespace', 'move', 'ns1', '--target-ns', ''],
      ['task', 'list'],
      ['task', 'log', upid],
      ['task', 'stop', upid],
      ['server-identity'],
    ]) {
      const { code, stderr } = await run(words);
      t.is(code, 1, words.join(' '));
      t.regex(stderr, /^Error: .*; name a server with --repository\n$/);
    }
  });
});

test('a snapshot without a manifest has no notes to write to', async (t) => {
  await withGolden(async (golden) => {
    rmSync(join(storeOf(golden), SECOND, 'index.json.blob'));
    const { code, stderr } = await golden.run(['snapshot', 'notes', 'update', SECOND, 'x']);
    t.is(code, 1);
    t.regex(stderr, /it is not finished/);
  });
});
