import test from 'ava';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import { Mode } from '../../src/pxar/format.js';
import { encodeMetadata } from '../../src/pxar/metadata-encoder.js';
import type { SingleEncoder } from '../../src/pxar/single-encoder.js';
import { CollectedSingle, hashOf } from './encoding.js';
import { metadataOf } from './trees.js';

const root = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o755));
const body = encodeMetadata(metadataOf(Mode.FILE | 0o644));

function opened(options: { readonly appendix?: boolean } = { appendix: true }): CollectedSingle {
  const single = new CollectedSingle(options);
  single.encoder.root(root, 0, root.length);
  return single;
}

function refer(encoder: SingleEncoder, name: string, offset: number, size: number): number {
  const bytes = Buffer.from(name);
  return encoder.reference(bytes, 0, bytes.length, hashOf(bytes), 0, body, 0, body.length, offset, size);
}

test('references ascend, and one that does not leaves the stream as it was', (t) => {
  const { encoder } = opened();
  refer(encoder, 'b', 0, 100);
  const before = encoder.position;
  t.throws(() => refer(encoder, 'c', 0, 100), { code: 'PXAR_PAYLOAD' });
  refer(encoder, 'c', 116, 0);
  t.throws(() => refer(encoder, 'd', 116, 0), { code: 'PXAR_PAYLOAD' });
  t.throws(() => refer(encoder, 'd', 115, 0), { code: 'PXAR_PAYLOAD' });
  t.throws(() => refer(encoder, 'a', 200, 0), { code: 'PXAR_ORDER' });
  t.throws(() => refer(encoder, 'a/b', 200, 0), { code: 'PXAR_NAME' });
  t.is(encoder.position, before + 18 + 56 + 32);
  t.is(refer(encoder, 'd', 117, 0), before + 18 + 56 + 32);
});

test('offsets and sizes that are no exact numbers are refused', (t) => {
  const { encoder } = opened();
  const most = Number.MAX_SAFE_INTEGER;
  for (const [offset, size] of [
    [-1, 0],
    [0, -1],
    [0.5, 0],
    [0.5, 0.5],
    [Number.NaN, 0],
    [0, Number.POSITIVE_INFINITY],
    [most, 0],
    [0, most],
  ] as const)
    t.throws(() => refer(encoder, 'a', offset, size), { code: 'PXAR_RANGE' }, `${offset} ${size}`);
  t.is(encoder.position, 24 + 56);
});

test('the appendix holds at least what the references need', async (t) => {
  const single = opened();
  const { encoder } = single;
  refer(encoder, 'a', 0, 500);
  refer(encoder, 'b', 100, 3);
  encoder.finish();
  t.throws(() => encoder.startAppendix(515), { code: 'PXAR_PAYLOAD' });
  for (const length of [-1, 600.5, Number.NaN, Number.MAX_SAFE_INTEGER])
    t.throws(() => encoder.startAppendix(length), { code: 'PXAR_RANGE' }, `${length}`);
  single.append(Buffer.alloc(516));
  const decoder = new PxarDecoder(bufferSource(single.bytes), { archive: 'test.pxar' });
  t.is((await decoder.nextBatch(10)).length, 3);
  t.is((await decoder.next())?.kind, 'leave');
});

test('the appendix comes once, behind the tree, and the table behind it', (t) => {
  const { encoder } = opened();
  const outOfTurn = { code: 'PXAR_STATE' };
  t.throws(() => encoder.startAppendix(0), outOfTurn);
  t.throws(() => encoder.finishAppendix(), outOfTurn);
  t.throws(() => encoder.appendixStart, outOfTurn);
  encoder.finish();
  const start = encoder.position;
  t.throws(() => refer(encoder, 'a', 0, 0), outOfTurn);
  t.throws(() => encoder.finishAppendix(), outOfTurn);
  encoder.startAppendix(10);
  t.is(encoder.appendixStart, start);
  t.is(encoder.position, start + 16 + 10);
  t.throws(() => encoder.startAppendix(10), outOfTurn);
  t.throws(() => refer(encoder, 'a', 0, 0), outOfTurn);
  encoder.finishAppendix();
  t.is(encoder.position, start + 16 + 10 + 64);
  t.is(encoder.appendixStart, start);
  t.throws(() => encoder.finishAppendix(), outOfTurn);
  t.throws(() => encoder.startAppendix(10), outOfTurn);
});

test('an archive of version 1 has no appendix', (t) => {
  for (const options of [{}, { appendix: false }]) {
    const single = opened(options);
    const { encoder } = single;
    t.is(encoder.position, 56);
    t.throws(() => refer(encoder, 'a', 0, 0), { code: 'PXAR_STATE' });
    encoder.finish();
    t.throws(() => encoder.startAppendix(0), { code: 'PXAR_STATE' });
    t.is(single.bytes.length, 96);
  }
});

test('the header of the appendix is handed on before the bytes that follow it', (t) => {
  const single = opened();
  const { encoder } = single;
  encoder.finish();
  encoder.startAppendix(1000);
  t.is(encoder.buffered, 0);
  t.is(single.bytes.length, encoder.appendixStart + 16);
});
