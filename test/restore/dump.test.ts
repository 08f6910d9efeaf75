import test from 'ava';
import { CatalogReader } from '../../src/catalog/reader.js';
import type { CatalogWriter } from '../../src/catalog/writer.js';
import { catalogLines } from '../../src/restore/dump.js';
import { bufferSource, catalogOf, NAME, raw } from '../catalog/catalogs.js';

// Times are printed as they are here: half an hour off the hour, so that it shows.
process.env['TZ'] = 'Asia/Kolkata';

/** What is printed of an archive `r` that `write` fills. */
async function printed(write: (writer: CatalogWriter) => void): Promise<string[]> {
  const bytes = catalogOf((writer) => {
    writer.startDirectory(raw('r'));
    write(writer);
    writer.endDirectory();
  });
  const lines: string[] = [];
  for await (const line of catalogLines(await CatalogReader.open(bufferSource(bytes), NAME)))
    lines.push(line);
  return lines.slice(1);
}

test('every type has its letter, and paths lead through all directories', async (t) => {
  const lines = await printed((writer) => {
    for (const type of ['l', 'h', 'b', 'c', 'p', 's'] as const) writer.other(type, raw(`is-${type}`));
    writer.startDirectory(raw('deep'));
    writer.startDirectory(raw('er'));
    writer.other('l', raw('in'));
    writer.endDirectory();
    writer.file(raw('behind'), 1, 2);
    writer.endDirectory();
    writer.other('s', raw('last'));
  });
  t.deepEqual(lines, [
    'l "./r/is-l"',
    'h "./r/is-h"',
    'b "./r/is-b"',
    'c "./r/is-c"',
    'p "./r/is-p"',
    's "./r/is-s"',
    'd "./r/deep"',
    'd "./r/deep/er"',
    'l "./r/deep/er/in"',
    'f "./r/deep/behind" 1 1970-01-01T05:30:02Z',
    's "./r/last"',
  ]);
});

test('names are quoted: control characters, quotes and bytes that are no UTF-8', async (t) => {
  const names: readonly (readonly [name: Buffer, quoted: string])[] = [
    [raw('a "b" \\'), 'a \\"b\\" \\\\'],
    [raw('\n\r\t\x1b\x7f'), '\\n\\r\\t\\u{1b}\\u{7f}'],
    [raw('caf\xe9'), 'caf\\xE9'],
    [Buffer.from('café ☃ 𝄞 �'), 'café ☃ 𝄞 �'],
    [raw('\xc3'), '\\xC3'],
    [raw('\xff\xc3\xa9\x80'), '\\xFFé\\x80'],
  ];
  const lines = await printed((writer) => {
    for (const [name] of names) writer.other('l', name);
  });
  t.deepEqual(
    lines,
    names.map(([, quoted]) => `l "./r/${quoted}"`),
  );
});

test('times before the epoch and beyond all calendars are local, as far as they can be', async (t) => {
  const times: readonly (readonly [time: number | bigint, text: string])[] = [
    [0, '1970-01-01T05:30:00Z'],
    [-1, '1970-01-01T05:29:59Z'],
    [-19_801, '1969-12-31T23:59:59Z'],
    [8_640_000_000_001, '8640000000001'],
    [2n ** 63n - 1n, '9223372036854775807'],
    [-(2n ** 63n), '-9223372036854775808'],
  ];
  const lines = await printed((writer) => {
    for (const [time] of times) writer.file(raw('f'), 2 ** 53 - 1, time);
  });
  t.deepEqual(
    lines,
    times.map(([, text]) => `f "./r/f" 9007199254740991 ${text}`),
  );
});
