import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { liveSide } from '../../../src/restore/diff/live-node.js';
import { withTemporaryDirectory } from '../../support/world.js';

async function contentOf(pieces: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

test('a live file that cannot be read is said, and does not end the comparison', (t) =>
  withTemporaryDirectory(async (directory) => {
    for (const name of ['gone', 'there']) writeFileSync(join(directory, name), name);
    const problems: string[] = [];
    const side = await liveSide(directory, (path, problem) =>
      problems.push(`${path.toString()}: ${problem}`),
    );
    const children = await side.children();
    unlinkSync(join(directory, 'gone'));
    t.is(await contentOf(children.get('gone')!.content()), '');
    t.is(await contentOf(children.get('there')!.content()), 'there');
    t.is(problems.length, 1);
    t.regex(problems[0]!, /gone: ENOENT/);
  }));
