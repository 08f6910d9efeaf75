/** The benchmark: what is measured, for how long, and how it is shown (cli.md §4.3). */
import test from 'ava';
import { z } from 'zod';
import { speedText } from '../../src/cli/commands/benchmark.js';
import { measureSpeeds, type Tested } from '../../src/cli/commands/benchmark-speeds.js';
import { restat } from '../support/cli.js';

/** A clock that goes on by so many seconds with each look. */
function ticking(seconds: number): () => number {
  let now = 0;
  return () => {
    now += seconds;
    return now;
  };
}

const KEY = Buffer.alloc(32, 7);
const never = new AbortController().signal;
const CHUNK = 4 * 1024 * 1024;

test('each is measured for its time, in bytes per second', async (t) => {
  const told: (readonly [Tested, number])[] = [];
  const tell = (tested: Tested, speed: number): void => {
    told.push([tested, speed]);
  };
  await measureSpeeds(tell, { now: ticking(0.5), scale: 1, signal: never, key: KEY });
  t.deepEqual(
    told,
    (['sha256', 'compress', 'decompress', 'aes256_gcm', 'verify'] as const).map((each) => [each, 2 * CHUNK]),
  );
});

test('time runs from the first byte on', async (t) => {
  const speeds = new Map<Tested, number>();
  const tell = (tested: Tested, speed: number): void => void speeds.set(tested, speed);
  await measureSpeeds(tell, { now: ticking(1), scale: 2.5, signal: never, key: KEY });
  t.is(speeds.get('sha256'), CHUNK);
});

test('an interrupt ends it', async (t) => {
  const signal = AbortSignal.abort(new Error('interrupted'));
  await t.throwsAsync(
    measureSpeeds(() => undefined, { now: ticking(0), scale: 1, signal, key: KEY }),
    { message: 'interrupted' },
  );
});

test('speeds are shown with their share of the reference machine’s', (t) => {
  t.is(speedText(2_066_730_000, 2022), '2066.73 MB/s (102%)');
  t.is(speedText(undefined, 1235), 'not tested');
});

const speed = z.strictObject({ speed: z.number().positive(), top: z.int() });

test('the JSON document has every test; the connection is not tested without a server', async (t) => {
  const { code, stdout, stderr } = await restat(['benchmark', '--output-format', 'json']);
  t.is(code, 0);
  const document = z
    .strictObject({
      tls: z.strictObject({ top: z.literal(1_235_000_000) }),
      sha256: speed,
      compress: speed,
      decompress: speed,
      aes256_gcm: speed,
      verify: speed,
    })
    .parse(JSON.parse(stdout));
  t.is(document.sha256.top, 2_022_000_000);
  t.is(stderr.match(/^[\w/]+ speed: \d+\.\d\d MB\/s$/gm)?.length, 5);
});
