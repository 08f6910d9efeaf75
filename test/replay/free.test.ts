/** What the protocol leaves to a client is no difference: the replayer holds a client to the meaning, not to the bytes. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { z } from 'zod';
import { encodeBlob } from '../../src/snapshot/blob.js';
import type { Uploads } from '../support/replay/backup-rules.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { contentOf } from '../support/replay/container.js';
import { type Exchange, readSession } from '../support/replay/recording.js';
import type { ReplayOptions } from '../support/replay/replay.js';
import { editBlob, editHeader, editUpgrade, isCall, twice, whole, without } from './changes.js';
import { bytes, type Changes, replayed } from './resend.js';

const certificate = makeCertificate();

function free(title: string, changes: Changes, session = 'backup-data', options: ReplayOptions = {}): void {
  test(`free: ${title}`, async (t) => {
    const all = { ...options, certificate: await certificate };
    const { problems } = await replayed(`${session}.jsonl`, session, changes, all);
    t.deepEqual(problems, []);
  });
}

const append = z.object({
  'digest-list': z.array(z.string()),
  'offset-list': z.array(z.number()),
  wid: z.number(),
});

function appendOf({ body }: Exchange): z.infer<typeof append> {
  return append.parse(JSON.parse(body.whole?.toString() ?? ''));
}

function withJson(exchange: Exchange, parameters: object): Exchange {
  return { ...exchange, body: whole(Buffer.from(JSON.stringify(parameters))) };
}

function isAppend(exchange: Exchange): boolean {
  return isCall(exchange, 'PUT', '/dynamic_index');
}

/** One append for each chunk. */
function single(exchange: Exchange): Exchange[] {
  const { 'digest-list': digests, 'offset-list': offsets, wid } = appendOf(exchange);
  return digests.map((digest, i) =>
    withJson(exchange, { 'digest-list': [digest], 'offset-list': [offsets[i]], wid }),
  );
}

/** The same call with its parameters in the query. */
function inQuery(exchange: Exchange): Exchange {
  const { 'digest-list': digests, 'offset-list': offsets, wid } = appendOf(exchange);
  const query = new URLSearchParams({ wid: String(wid) });
  for (const digest of digests) query.append('digest-list', digest);
  for (const offset of offsets) query.append('offset-list', String(offset));
  const headers = exchange.headers.filter(([name]) => name !== 'content-type');
  return { ...exchange, headers, target: `${exchange.target}?${query}`, body: whole(Buffer.alloc(0)) };
}

/** An upload that is not compressed. */
async function uncompressed(exchange: Exchange): Promise<Exchange> {
  const plain = contentOf(await bytes(exchange.body), 'chunk')!;
  const container = encodeBlob(plain, 'chunk', { compress: false });
  const target = exchange.target.replace(/encoded-size=\d+/, `encoded-size=${container.length}`);
  return { ...exchange, target, body: whole(container) };
}

free('batches of appends', {
  streams: (all) => all.flatMap((each) => (isAppend(each) ? single(each) : [each])),
});
free('parameters of an append in the query', {
  streams: (all) => all.map((each) => (isAppend(each) ? inQuery(each) : each)),
});
free('the order in which writers are begun', {
  streams: (all) => {
    const isOpening = (each: Exchange): boolean => isCall(each, 'POST', '/dynamic_index');
    const rest = all.filter((each) => !isOpening(each));
    return [...all.filter(isOpening).reverse(), ...rest];
  },
});
free('what is asked of the base', without('GET', '/previous'));
free('how often the base is asked', twice('/previous'));
free('parameters for the log of the server', editUpgrade('&benchmark=false&debug=true', ''));
free('one slash or two', editUpgrade('//api2', '/api2'));
free('the order of parameters', editUpgrade(/(backup-id=proto)&(.*)$/, '$2&$1'));
free('the separator behind the scheme', editHeader('authorization', ' ', '='));
free(
  'more notes in the manifest',
  editBlob('index.json.blob', '"unprotected": {', '"unprotected": {"restat": {"start": "1.2"}'),
);

test('free: how chunks are compressed', async (t) => {
  const { connections } = readSession('backup-data.jsonl', 'backup-data');
  const streams = await Promise.all(
    connections[0]!.streams.map((each) =>
      isCall(each, 'POST', '/dynamic_chunk') ? uncompressed(each) : Promise.resolve(each),
    ),
  );
  const options = { certificate: await certificate };
  const { problems } = await replayed(
    'backup-data.jsonl',
    'backup-data',
    { streams: () => streams },
    options,
  );
  t.deepEqual(problems, []);
});

const PAYLOAD_CSUM = '66ca7417fd4d0d2187fbb8f2682785fb0380e8a899c72b2e76327163abe99e6f';
const PAYLOAD_SIZE = 705_200;

function recordedStreams(): readonly Exchange[] {
  return readSession('backup-data.jsonl', 'backup-data').connections[0]!.streams;
}

function payloadAppend(streams: readonly Exchange[]): z.infer<typeof append> {
  return streams
    .filter(isAppend)
    .map(appendOf)
    .find(({ wid }) => wid === 2)!;
}

/** The backup with another payload index, which is right in itself. */
function withPayloadIndex(
  streams: readonly Exchange[],
  digests: readonly string[],
  offsets: readonly number[],
): readonly Exchange[] {
  const csum = indexChecksum(digests, [...offsets.slice(1), PAYLOAD_SIZE]);
  const changed = streams.map((each) => {
    if (isAppend(each) && appendOf(each).wid === 2)
      return withJson(each, { 'digest-list': digests, 'offset-list': offsets, wid: 2 });
    const count = `chunk-count=${digests.length}`;
    return { ...each, target: each.target.replace('chunk-count=18', count).replace(PAYLOAD_CSUM, csum) };
  });
  return editBlob('index.json.blob', PAYLOAD_CSUM, csum).streams!(changed);
}

/** The first two chunks of the payload in one. */
async function joined(): Promise<readonly Exchange[]> {
  const streams = recordedStreams();
  const [first, second] = streams.filter((each) => each.target.includes('wid=2'));
  const parts = await Promise.all(
    [first!, second!].map(async ({ body }) => contentOf(await bytes(body), 'chunk')!),
  );
  const plain = Buffer.concat(parts);
  const digest = createHash('sha256').update(plain).digest('hex');
  const container = encodeBlob(plain, 'chunk', { compress: true });
  const query = `digest=${digest}&encoded-size=${container.length}&size=${plain.length}&wid=2`;
  const upload = { ...first!, target: `/dynamic_chunk?${query}`, body: whole(container) };
  const { 'digest-list': digests, 'offset-list': offsets } = payloadAppend(streams);
  const others = streams.filter((each) => each !== second).map((each) => (each === first ? upload : each));
  return withPayloadIndex(others, [digest, ...digests.slice(2)], [0, ...offsets.slice(2)]);
}

/** The first two chunks of the payload in the other order. */
function swapped(): readonly Exchange[] {
  const streams = recordedStreams();
  const { 'digest-list': digests, 'offset-list': offsets } = payloadAppend(streams);
  const middle = offsets[2]! - offsets[1]!;
  return withPayloadIndex(
    streams,
    [digests[1]!, digests[0]!, ...digests.slice(2)],
    [0, middle, ...offsets.slice(2)],
  );
}

/** SHA-256 over end and digest of each chunk. protocol.md §5.7. */
function indexChecksum(digests: readonly string[], ends: readonly number[]): string {
  const hash = createHash('sha256');
  for (const [i, digest] of digests.entries()) {
    const end = Buffer.alloc(8);
    end.writeBigUInt64LE(BigInt(ends[i]!));
    hash.update(end).update(digest, 'hex');
  }
  return hash.digest('hex');
}

async function sent(streams: readonly Exchange[], uploads: Uploads): Promise<string> {
  const options = { uploads, certificate: await certificate };
  return (
    await replayed('backup-data.jsonl', 'backup-data', { streams: () => streams }, options)
  ).problems.join('\n');
}

test('free: where archives are cut, if the test says so', async (t) => {
  const streams = await joined();
  t.is(await sent(streams, 'subset'), '');
  t.is(await sent(streams, 'content'), '');
  const problems = await sent(streams, 'exact');
  t.regex(problems, /the recorded client did not upload this chunk/);
  t.regex(problems, /root\.ppxar\.didx: chunk 0 is/);
  t.regex(problems, /chunk 7b22c0ec\w+ was never uploaded/);
});

test('free: what is in an archive, only if the test says so', async (t) => {
  const streams = swapped();
  t.is(await sent(streams, 'subset'), '');
  t.regex(await sent(streams, 'content'), /the content of root\.ppxar\.didx is not the recorded one/);
});

test('free: chunks of an index that only another session read', async (t) => {
  const catalog: Changes = {
    streams: (all) => [
      ...all,
      { ...all[0]!, target: '/download?file-name=catalog.pcat1.didx' },
      {
        ...all[0]!,
        target: '/chunk?digest=46ab22c6fb3b6932c697c12dfc9940d0f458c818709bd8cc34f1ec26deb741d0',
      },
    ],
  };
  const options = { certificate: await certificate };
  const { problems, answers } = await replayed('restore.jsonl', 'restore-legacy', catalog, options);
  t.deepEqual(problems, []);
  t.is(answers.at(-1)?.status, 200);
});
