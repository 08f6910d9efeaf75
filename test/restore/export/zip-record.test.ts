/** Records of zip archives, read back by a reader that others wrote. */
import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import test from 'ava';
import { z } from 'zod';
import { zipName } from '../../../src/restore/export/zip-name.js';
import {
  centralHeader,
  dataDescriptor,
  endRecords,
  localHeader,
  type ZipContent,
  type ZipMember,
} from '../../../src/restore/export/zip-record.js';
import { withTemporaryDirectory } from '../../support/world.js';

const GIB = 2 ** 30;

const READ = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    rows = [[i.filename, i.file_size, i.compress_size, i.header_offset, i.external_attr >> 16, i.date_time[0]]
            for i in archive.infolist()]
    print(json.dumps({"rows": rows, "text": archive.read(sys.argv[2]).decode() if len(sys.argv) > 2 else ""}))
`;

const reading = z.object({
  rows: z.array(z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), z.number()])),
  text: z.string(),
});

function read(...words: readonly string[]): z.infer<typeof reading> {
  const output = execFileSync('python3', ['-c', READ, ...words], { maxBuffer: 2 ** 26 });
  return reading.parse(JSON.parse(output.toString()));
}

function memberOf(name: string, size: number, seconds = 1_600_000_000): ZipMember {
  const stat = { mode: 0o100640, uid: 1000, gid: 70_000, mtime: { seconds, nanoseconds: 0 } };
  return { name: Buffer.from(name), stat, size, deflated: false, sizesBehind: false };
}

const TEXT = Buffer.from('behind four gibibytes');

test('a member beyond four gibibytes, and one behind it', (t) =>
  withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'large.zip');
    const large = memberOf('large', 5 * GIB);
    const holes: ZipContent = { crc: 0, compressed: 5 * GIB, size: 5 * GIB };
    const small = memberOf('small', TEXT.length);
    const content: ZipContent = { crc: crc32(TEXT), compressed: TEXT.length, size: TEXT.length };
    const first = localHeader(large, holes);
    const offset = first.length + 5 * GIB;
    const second = Buffer.concat([localHeader(small, content), TEXT]);
    const central = Buffer.concat([centralHeader(large, holes, 0), centralHeader(small, content, offset)]);
    const end = endRecords(2, central.length, offset + second.length);
    const file = await open(path, 'w');
    await file.write(first, 0, first.length, 0);
    const rest = Buffer.concat([second, central, end]);
    await file.write(rest, 0, rest.length, offset);
    await file.close();
    const { rows, text } = read(path, 'small');
    t.deepEqual(rows, [
      ['large', 5 * GIB, 5 * GIB, 0, 0o100640, 2020],
      ['small', TEXT.length, TEXT.length, offset, 0o100640, 2020],
    ]);
    t.is(text, TEXT.toString());
  }));

test('more members than 16 bits can count', (t) =>
  withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'many.zip');
    const empty: ZipContent = { crc: 0, compressed: 0, size: 0 };
    const parts: Buffer[] = [];
    const central: Buffer[] = [];
    let offset = 0;
    for (let i = 0; i < 65_536; i += 1) {
      const member = memberOf(`f${i}`, 0);
      const header = localHeader(member, empty);
      parts.push(header);
      central.push(centralHeader(member, empty, offset));
      offset += header.length;
    }
    const directoryBytes = Buffer.concat(central);
    const file = await open(path, 'w');
    await file.writeFile(
      Buffer.concat([...parts, directoryBytes, endRecords(65_536, directoryBytes.length, offset)]),
    );
    await file.close();
    const { rows } = read(path);
    t.is(rows.length, 65_536);
    t.is(rows.at(-1)?.[0], 'f65535');
  }));

test('sizes behind a large content have eight bytes', (t) => {
  t.is(dataDescriptor({ crc: 1, compressed: 2, size: 3 }).length, 16);
  const large = dataDescriptor({ crc: 1, compressed: 2, size: 5 * GIB });
  t.is(large.length, 24);
  t.is(large.readBigUInt64LE(16), BigInt(5 * GIB));
});

test('times that a zip archive cannot hold are the nearest', (t) => {
  const year = (seconds: number): number =>
    1980 + (localHeader(memberOf('f', 0, seconds)).readUInt16LE(12) >> 9);
  t.is(year(0), 1980);
  t.is(year(-1e15), 1980);
  t.is(year(1_600_000_000), 2020);
  t.is(year(1e11), 2107);
  t.is(year(1e15), 2107);
});

test('names that are not UTF-8 become printable, each by itself', (t) => {
  const name = (text: string): string => zipName(Buffer.from(text, 'latin1')).toString('utf8');
  t.is(name('plain/a\\b'), 'plain/a\\b');
  t.is(name('\xc3\xa4/\xff-\xc3/x'), 'ä/\\xff-\\xc3/x');
  t.is(name('dir-\x80/'), 'dir-\\x80/');
});
