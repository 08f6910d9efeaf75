/** Headers of tar archives, read back by a reader that others wrote. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import fc from 'fast-check';
import { z } from 'zod';
import {
  paxRecord,
  paxTime,
  type TarMember,
  tarHeader,
  tarPadding,
} from '../../../src/restore/export/tar-header.js';

const MEMBER: TarMember = {
  type: '0',
  path: Buffer.from('file'),
  link: Buffer.alloc(0),
  mode: 0o644,
  uid: 1000,
  gid: 1000,
  size: 0,
  mtime: { seconds: 1_600_000_000, nanoseconds: 0 },
  major: 0,
  minor: 0,
  records: [],
};

const READ = `
import io, json, sys, tarfile
def row(header):
    member = tarfile.open(fileobj=io.BytesIO(bytes.fromhex(header)), mode="r:", errors="surrogateescape").next()
    raw = lambda text: text.encode("utf-8", "surrogateescape").hex()
    return {"path": raw(member.name), "link": raw(member.linkname), "type": member.type.decode(),
            "numbers": [member.mode, member.uid, member.gid, member.size, member.devmajor, member.devminor],
            "mtime": member.pax_headers.get("mtime", str(member.mtime)), "pax": sorted(member.pax_headers)}
json.dump([row(header) for header in json.load(sys.stdin)], sys.stdout)
`;

const row = z.object({
  path: z.string(),
  link: z.string(),
  type: z.string(),
  numbers: z.array(z.number()),
  mtime: z.string(),
  pax: z.array(z.string()),
});

function read(members: readonly TarMember[]): z.infer<typeof row>[] {
  const input = JSON.stringify(members.map((member) => tarHeader(member).toString('hex')));
  const output = execFileSync('python3', ['-c', READ], { input, maxBuffer: 2 ** 28 });
  return z.array(row).parse(JSON.parse(output.toString()));
}

function expected({ path, link, mode, uid, gid, size, major, minor, mtime, type }: TarMember): object {
  return {
    path: path.toString('hex'),
    link: link.toString('hex'),
    type,
    numbers: [mode, uid, gid, size, major, minor],
    mtime: paxTime(mtime),
  };
}

test('what a ustar block holds needs no records', (t) => {
  const [found] = read([MEMBER]);
  t.deepEqual(found?.pax, []);
  t.is(tarHeader(MEMBER).length, 512);
});

test('numbers beyond the digits of a block come from records', (t) => {
  const cases: (readonly [Partial<TarMember>, readonly string[]])[] = [
    [{ size: 8 * 2 ** 30 - 1, uid: 2_097_151, gid: 2_097_151 }, []],
    [{ size: 8 * 2 ** 30 }, ['size']],
    [{ size: 9 * 2 ** 30, uid: 2_097_152, gid: 0xffff_fffe }, ['gid', 'size', 'uid']],
    [{ type: '3', major: 2_097_151, minor: 2_097_151 }, []],
    [{ mtime: { seconds: 8 ** 11 - 1, nanoseconds: 0 } }, []],
    [{ mtime: { seconds: 8 ** 11, nanoseconds: 0 } }, ['mtime']],
    [{ mtime: { seconds: -1, nanoseconds: 0 } }, ['mtime']],
    [{ mtime: { seconds: 5, nanoseconds: 1 } }, ['mtime']],
  ];
  const members = cases.map(([changes]) => ({ ...MEMBER, ...changes }));
  for (const [i, found] of read(members).entries()) {
    t.like(found, expected(members[i]!));
    t.deepEqual(found.pax, cases[i]![1]);
  }
});

test('times before the epoch are negative fractions', (t) => {
  const text = (seconds: number, nanoseconds: number): string => paxTime({ seconds, nanoseconds });
  t.is(text(-1, 750_000_000), '-0.25');
  t.is(text(-2, 1), '-1.999999999');
  t.is(text(-2, 0), '-2');
  t.is(text(0, 100), '0.0000001');
  t.is(text(1_600_000_000, 123_456_789), '1600000000.123456789');
});

test('names of any bytes and any length come back', (t) => {
  const byte = fc.integer({ min: 1, max: 255 }).filter((value) => value !== 0x2f);
  const bytes = fc.array(byte, { minLength: 1, maxLength: 300 }).map((values) => Buffer.from(values));
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
    .map((value) => Buffer.from(value.replaceAll(/[/\0]/g, '_')));
  const name = fc.oneof(bytes, text);
  const member = fc
    .record({ path: name, link: name })
    .map((names) => ({ ...MEMBER, type: '2' as const, ...names }));
  const members = fc.sample(member, 300);
  const found = read(members);
  for (const [i, each] of members.entries()) t.like(found[i], expected(each));
});

test('the length of a record counts its own digits', (t) => {
  for (let length = 80; length < 110; length += 1) {
    const record = paxRecord('comment', 'x'.repeat(length));
    t.deepEqual(read([{ ...MEMBER, records: [record] }])[0]?.pax, ['comment']);
  }
});

test('contents fill whole blocks', (t) => {
  t.deepEqual(
    [0, 1, 511, 512, 513].map((size) => tarPadding(size).length),
    [0, 511, 1, 0, 511],
  );
});
