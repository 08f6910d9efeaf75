import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import {
  type RateClock,
  RateLimitedStream,
  rateBuckets,
  TokenBucket,
} from '../../../src/repository/pbs/rate-limit.js';

/** A clock that moves when it is told to. */
class TestClock implements RateClock {
  #now = 0;
  #timers: { readonly at: number; readonly call: () => void }[] = [];

  readonly now = (): number => this.#now;

  readonly after = (ms: number, call: () => void): (() => void) => {
    const timer = { at: this.#now + ms, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  };

  get waiting(): number {
    return this.#timers.length;
  }

  /** Moves on, and lets streams do what has become possible. */
  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now + 1e-6);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { call } of due) call();
    for (let i = 0; i < 5; i += 1) await turn();
  }
}

/** Notes what is written to it, and gives what is put into it. */
class Line extends Duplex {
  written = 0;

  override _read(): void {
    // What there is to read is pushed by the test.
  }

  override _write(part: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += part.length;
    done();
  }
}

const limit = { rate: 1000, burst: 500 };

test('a bucket gives its burst at once, then its rate, and never saves up more than its burst', (t) => {
  let now = 0;
  const bucket = new TokenBucket(limit, () => now);
  t.is(bucket.take(500), 0);
  t.is(bucket.take(100), 100);
  now += 100;
  t.is(bucket.take(250), 250);
  now += 1000 * 3600;
  t.is(bucket.take(500), 0);
  t.is(bucket.take(1), 1);
});

test('writing keeps to the rate', async (t) => {
  const clock = new TestClock();
  const line = new Line();
  const stream = new RateLimitedStream(line, rateBuckets(limit, clock));
  for (let i = 0; i < 40; i += 1) stream.write(Buffer.alloc(100));
  await clock.pass(0);
  t.is(line.written, 500);
  for (let second = 1; second <= 3; second += 1) {
    for (let i = 0; i < 10; i += 1) await clock.pass(100);
    t.is(line.written, 500 + second * 1000);
  }
  stream.destroy();
});

test('reading keeps to the rate, and the end comes after the last byte', async (t) => {
  const clock = new TestClock();
  const line = new Line();
  const stream = new RateLimitedStream(line, rateBuckets(limit, clock));
  let bytes = 0;
  let ended = false;
  stream.on('data', (part: Buffer) => {
    bytes += part.length;
  });
  stream.on('end', () => {
    ended = true;
  });
  for (let i = 0; i < 12; i += 1) line.push(Buffer.alloc(100));
  line.push(null);
  await clock.pass(0);
  t.true(bytes <= 500);
  t.false(ended);
  for (let i = 0; i < 4; i += 1) await clock.pass(100);
  t.true(bytes <= 900);
  for (let i = 0; i < 10; i += 1) await clock.pass(100);
  t.is(bytes, 1200);
  t.true(ended);
});

test('the connections of a server share a rate, the directions do not', async (t) => {
  const clock = new TestClock();
  const buckets = rateBuckets(limit, clock);
  const lines = [new Line(), new Line()];
  const streams = lines.map((line) => new RateLimitedStream(line, buckets));
  for (const stream of streams) stream.write(Buffer.alloc(500));
  await clock.pass(0);
  t.is(lines[0]!.written + lines[1]!.written, 500);
  let bytes = 0;
  streams[0]!.on('data', (part: Buffer) => {
    bytes += part.length;
  });
  lines[0]!.push(Buffer.alloc(500));
  await clock.pass(0);
  t.is(bytes, 500);
  await clock.pass(500);
  t.is(lines[0]!.written + lines[1]!.written, 1000);
  for (const stream of streams) stream.destroy();
});

test('a stream that is destroyed waits for nothing, and takes the connection along', async (t) => {
  const clock = new TestClock();
  const line = new Line();
  const stream = new RateLimitedStream(line, rateBuckets(limit, clock));
  stream.write(Buffer.alloc(2000));
  await clock.pass(0);
  t.is(clock.waiting, 1);
  stream.destroy();
  await clock.pass(0);
  t.is(clock.waiting, 0);
  t.true(line.destroyed);
});

test('a connection that breaks breaks the stream with its error', async (t) => {
  const line = new Line();
  const stream = new RateLimitedStream(line, rateBuckets(limit, new TestClock()));
  const failed = new Promise((resolve) => stream.once('error', resolve));
  line.destroy(new Error('cable'));
  t.like(await failed, { message: 'cable' });
});
