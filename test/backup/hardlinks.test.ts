import { tmpdir } from 'node:os';
import test from 'ava';
import fc from 'fast-check';
import { HardlinkTable } from '../../src/backup/hardlinks.js';
import { native } from '../../src/native.js';
import { STAT } from '../../src/native-scan.js';

interface Fields {
  readonly dev?: bigint;
  readonly ino: bigint;
  readonly size?: bigint;
  readonly mtime?: bigint;
  readonly btimeNs?: number;
}

function record({ dev = 1n, ino, size = 10n, mtime = 5n, btimeNs = 0 }: Fields): Buffer {
  const bytes = Buffer.alloc(STAT.size);
  bytes.writeBigUInt64LE(dev, STAT.dev);
  bytes.writeBigUInt64LE(ino, STAT.ino);
  bytes.writeBigUInt64LE(size, STAT.fileSize);
  bytes.writeBigInt64LE(mtime, STAT.mtime);
  bytes.writeUInt32LE(btimeNs, STAT.btimeNs);
  return bytes;
}

function newTable(): HardlinkTable {
  return new HardlinkTable(native.openUnnamed(tmpdir()));
}

test('the first name of an inode is new, later ones lead to it once it is stored', (t) => {
  const table = newTable();
  const first = table.meet(record({ ino: 7n }), 0, Buffer.from('a/first'));
  t.is(first.same, undefined);
  t.is(table.target(first.slot), undefined);
  table.stored(first.slot, 2 ** 40);
  const second = table.meet(record({ ino: 7n }), 0, Buffer.from('b/second'));
  t.true(second.same);
  t.deepEqual(table.target(second.slot), { position: 2 ** 40, path: Buffer.from('a/first') });
  table.close();
});

test('another device, size, mtime or birth time is not the same file', (t) => {
  const table = newTable();
  table.meet(record({ ino: 7n }), 0, Buffer.from('a'));
  t.is(table.meet(record({ ino: 7n, dev: 2n }), 0, Buffer.from('b')).same, undefined);
  t.false(table.meet(record({ ino: 7n, size: 11n }), 0, Buffer.from('c')).same);
  t.false(table.meet(record({ ino: 7n, mtime: -5n }), 0, Buffer.from('d')).same);
  t.false(table.meet(record({ ino: 7n, btimeNs: 1 }), 0, Buffer.from('e')).same);
  table.close();
});

test('where the first name was not stored, later ones lead to the name that was', (t) => {
  const table = newTable();
  const first = table.meet(record({ ino: 7n }), 0, Buffer.from('a/vanished'));
  table.meet(record({ ino: 8n }), 0, Buffer.from('other'));
  table.rename(first.slot, Buffer.from('b/second'));
  table.stored(first.slot, 500);
  const third = table.meet(record({ ino: 7n }), 0, Buffer.from('c/third'));
  t.true(third.same);
  t.deepEqual(table.target(third.slot), { position: 500, path: Buffer.from('b/second') });
  table.close();
});

test('many inodes are told apart, whatever their numbers', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 3000 }),
      (inodes) => {
        const table = newTable();
        const slots = inodes.map((ino) => table.meet(record({ ino }), 0, Buffer.from(ino.toString())).slot);
        for (const [i, slot] of slots.entries()) table.stored(slot, i + 1);
        for (const [i, ino] of inodes.entries()) {
          const met = table.meet(record({ ino }), 0, Buffer.from('later'));
          t.deepEqual(table.target(met.slot), { position: i + 1, path: Buffer.from(ino.toString()) });
        }
        table.close();
      },
    ),
    { numRuns: 20 },
  );
  t.pass();
});
