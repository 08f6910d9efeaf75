import test from 'ava';
import { AccessError } from '../../../src/server/access/errors.js';
import { Gate } from '../../../src/server/access/gate.js';
import { untilSettled } from './settle.js';

interface Job {
  readonly result: Promise<number>;
  finish(): void;
  fail(): void;
}

/** Runs numbered jobs that end when they are told to. */
class Jobs {
  readonly running: number[] = [];
  readonly #gate: Gate;
  #next = 0;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  start(): Job {
    const number = this.#next++;
    let finish = (): void => undefined;
    let fail = (): void => undefined;
    const end = new Promise<void>((resolve, reject) => {
      finish = resolve;
      fail = () => reject(new Error('failed'));
    });
    const result = this.#gate.run(async () => {
      this.running.push(number);
      await end.finally(() => this.running.splice(this.running.indexOf(number), 1));
      return number;
    });
    result.catch(() => undefined);
    return { result, finish, fail };
  }
}

test('so many run at once, the others wait for their turn, and who comes then is sent away', async (t) => {
  const jobs = new Jobs(new Gate({ running: 2, waiting: 3 }));
  const [first, second, third, fourth, fifth, sixth] = Array.from({ length: 6 }, () => jobs.start());
  await untilSettled();
  t.deepEqual(jobs.running, [0, 1]);
  await t.throwsAsync(sixth!.result, { instanceOf: AccessError, code: 'ACCESS_BUSY' });
  second!.finish();
  t.is(await second!.result, 1);
  await untilSettled();
  t.deepEqual(jobs.running, [0, 2]);
  first!.fail();
  await t.throwsAsync(first!.result, { message: 'failed' });
  await untilSettled();
  t.deepEqual(jobs.running, [2, 3]);
  for (const job of [third!, fourth!, fifth!]) job.finish();
  t.deepEqual(await Promise.all([third!.result, fourth!.result, fifth!.result]), [2, 3, 4]);
  const later = jobs.start();
  const last = jobs.start();
  jobs.start();
  await untilSettled();
  t.deepEqual(jobs.running, [6, 7]);
  later.finish();
  last.finish();
  t.deepEqual(await Promise.all([later.result, last.result]), [6, 7]);
});
