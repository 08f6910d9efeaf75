import test from 'ava';
import fc from 'fast-check';
import {
  lastText,
  localTime,
  logLine,
  oneLine,
  selectLines,
  statusOf,
  timeOf,
} from '../../../src/server/tasks/log-text.js';
import { nodeName, processIdentity, startOf } from '../../../src/server/tasks/process-identity.js';

const seconds = fc.integer({ min: 0, max: 4_000_000_000 });

test('Times have 25 characters and mean what they say.', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(seconds, (time) => {
        const text = localTime(time);
        return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/.test(text) && Date.parse(text) === time * 1000;
      }),
    ),
  );
});

test('A status comes back from the last line, with its time.', (t) => {
  const status = fc.oneof(
    fc.constantFrom('OK', 'WARNINGS: 12', 'no space left', 'TASK OK', 'a: b'),
    fc.string({ minLength: 1 }).map(oneLine),
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(seconds, status, (time, text) => {
        fc.pre(text !== '' && (!text.startsWith('WARNINGS: ') || text === 'WARNINGS: 12'));
        const line = logLine(time, lastText(text)).trimEnd();
        return statusOf(line) === text && timeOf(line) === time;
      }),
    ),
  );
});

test('Only a last line has a status.', (t) => {
  for (const line of [
    '',
    'TASK OK',
    `${localTime(0)}: done`,
    `${localTime(0)}: TASK`,
    `${localTime(0)}: TASK FINE`,
  ])
    t.is(statusOf(line), undefined, line);
  t.is(timeOf('nothing'), undefined);
});

test('Any text is one line.', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => !/[\r\n\u2028\u2029\p{Cc}]/u.test(oneLine(text))),
    ),
  );
});

test('A part of a log has the numbers that its lines have in the whole.', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.nat(20), fc.nat(25), fc.nat(25), (count, start, limit) => {
        const text = Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join('');
        const { lines, total } = selectLines(`${text}unfinished`, start, limit);
        const wanted = Array.from({ length: count }, (_, i) => i + 1).filter((n) => n >= start);
        t.deepEqual(
          lines.map(({ n }) => n),
          limit === 0 ? wanted : wanted.slice(0, limit),
        );
        return total === count && lines.every(({ n, t: line }) => line === `line ${n}`);
      }),
    ),
  );
});

test('A process says since when it runs; a name that is none becomes localhost.', async (t) => {
  const { node, pid, processStart } = await processIdentity();
  t.is(pid, process.pid);
  t.true(processStart > 0);
  t.regex(node, /^[A-Za-z0-9-]+$/);
  const fields = Array.from({ length: 50 }, (_, i) => String(i + 3)).join(' ');
  t.is(startOf(`12 (a) b (c) ${fields}`), 22);
  t.is(startOf(''), 0);
  t.is(nodeName('vm.example.org'), 'vm');
  t.is(nodeName(''), 'localhost');
  t.is(nodeName('a:b'), 'localhost');
});
