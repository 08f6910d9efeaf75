import { mock } from 'node:test';
import test from 'ava';
import { SilenceWatch } from '../../../src/repository/pbs/silence-watch.js';

const LIMIT = 120_000;
let clock = 0;

test.before(() => mock.timers.enable({ apis: ['setTimeout'] }));
test.after.always(() => mock.timers.reset());

function pass(ms: number): void {
  clock += ms;
  mock.timers.tick(ms);
}

function watched(): { watch: SilenceWatch<string>; heard: string[] } {
  const heard: string[] = [];
  return {
    watch: new SilenceWatch<string>(
      LIMIT,
      (oldest) => heard.push(oldest),
      () => clock,
    ),
    heard,
  };
}

test.serial('silence is noticed, and the request that has waited longest is named', (t) => {
  const { watch, heard } = watched();
  watch.begin('ended');
  watch.begin('first');
  watch.begin('second');
  watch.end('ended');
  pass(LIMIT - 1);
  t.deepEqual(heard, []);
  pass(1);
  t.deepEqual(heard, ['first']);
});

test.serial('what moves is no silence, however long the requests wait', (t) => {
  const { watch, heard } = watched();
  watch.begin('slow');
  for (let left = 50; left > 0; left -= 1) {
    pass(LIMIT - 1);
    watch.moved();
  }
  t.deepEqual(heard, []);
  pass(LIMIT);
  t.deepEqual(heard, ['slow']);
});

test.serial('nothing is noticed while nobody waits, and the next request has its whole time', (t) => {
  const { watch, heard } = watched();
  watch.begin('one');
  watch.end('one');
  pass(3 * LIMIT);
  watch.begin('two');
  pass(LIMIT - 1);
  t.deepEqual(heard, []);
  watch.end('two');
});
