/** Tables and JSON of the golden datastore as the reference client printed them. */
import test from 'ava';
import { z } from 'zod';
import { type Golden, recordedOutputs, withGolden } from './golden.js';

const objects = z.array(z.record(z.string(), z.json()));
type Objects = z.infer<typeof objects>;

function recorded(line: string): (typeof recordedOutputs)[number] {
  const found = recordedOutputs.find(({ arguments: words }) => words.join(' ') === line);
  if (found === undefined) throw new Error(`nothing is recorded for '${line}'`);
  return found;
}

/** Snapshots that were verified once more after the datastore was copied: their manifests are not those of the record. */
const VERIFIED_LATER: readonly unknown[] = [1_700_001_000, 1_700_005_000];

/** Rows that can be compared, by time: the reference client gives them as the directory has them. */
function comparable(rows: Objects): Objects {
  const kept = rows.filter((row) => !VERIFIED_LATER.includes(row['backup-time']));
  return kept.toSorted((a, b) => Number(a['backup-time'] ?? 0) - Number(b['backup-time'] ?? 0));
}

async function json({ run }: Golden, line: string): Promise<Objects> {
  const { stdout } = await run(line.split(' '));
  return objects.parse(JSON.parse(stdout));
}

test('snapshots and their files have the reference client’s JSON', async (t) => {
  await withGolden(async (golden) => {
    for (const line of [
      'snapshot list host/alpha --output-format json',
      'snapshot list host/none --output-format json',
      'snapshot files host/alpha/2023-11-14T22:46:40Z --output-format json',
    ]) {
      t.deepEqual(comparable(await json(golden, line)), comparable(objects.parse(recorded(line).json)), line);
    }
  });
});

test('groups have the reference client’s JSON', async (t) => {
  await withGolden(async (golden) => {
    const theirs = objects.parse(recorded('list --output-format json').json);
    const ours = await json(golden, 'list --output-format json');
    const sorted = (row: Objects[number] | undefined) => ({
      ...row,
      files: z.array(z.string()).parse(row?.['files']).toSorted(),
    });
    for (const id of ['alpha', 'signed', 'disk']) {
      const mine = sorted(ours.find((row) => row['backup-id'] === id));
      t.deepEqual(mine, sorted(theirs.find((row) => row['backup-id'] === id)), id);
    }
    t.is((await json(golden, 'list --ns ns1/ns2 --output-format json')).length, 1);
  });
});

test('JSON has its keys in alphabetical order, on one line or indented by two', async (t) => {
  await withGolden(async ({ run }) => {
    const line = ['snapshot', 'files', 'host/alpha/2023-11-14T22:46:40Z', '--output-format'];
    t.is((await run([...line, 'json'])).stdout, recorded([...line, 'json'].join(' ')).stdout);
    t.regex(
      (await run([...line, 'json-pretty'])).stdout,
      /^\[\n {2}\{\n {4}"crypt-mode": "none",\n {4}"filename"/,
    );
    t.is(
      (await run(line.slice(0, 3), { PROXMOX_OUTPUT_FORMAT: 'json' })).stdout,
      recorded([...line, 'json'].join(' ')).stdout,
    );
  });
});

test('tables look like the reference client’s, with and without borders and header', async (t) => {
  await withGolden(async ({ run }) => {
    const tables = recordedOutputs.filter(({ arguments: words }) => !words.includes('--output-format'));
    t.is(tables.length, 6);
    for (const { arguments: words, environment, stdout } of tables) {
      t.is(
        (await run(words, environment)).stdout,
        stdout,
        `${words.join(' ')} ${JSON.stringify(environment)}`,
      );
    }
  });
});

test('an empty list prints nothing as text', async (t) => {
  await withGolden(async ({ run }) => {
    t.is((await run(['snapshot', 'list', 'host/none'])).stdout, '');
  });
});
