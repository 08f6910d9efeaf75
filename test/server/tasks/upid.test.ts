import test from 'ava';
import fc from 'fast-check';
import { formatUpid, parseUpid } from '../../../src/server/tasks/upid.js';
import { escapeWorkerId, unescapeWorkerId } from '../../../src/server/tasks/worker-id.js';
import { recordedCalls } from '../../support/recorded-manage.js';

const BACKUP = 'UPID:vm:00006110:0004BB07:00000240:6B02DDC6:backup:vectors\\x3ahost-n:ann@pbs!laptop:';

test('The names of tasks that a real server made say what its list says, and are made the same.', (t) => {
  const parsed = parseUpid(BACKUP);
  t.deepEqual(parsed, {
    node: 'vm',
    pid: 24848,
    processStart: 310023,
    number: 0x240,
    startTime: 1795349958,
    type: 'backup',
    workerId: 'vectors:host/n',
    authId: 'ann@pbs!laptop',
  });
  const texts = recordedCalls().flatMap(({ reply = '' }) => reply.match(/UPID:[^"]*:(?=")/g) ?? []);
  t.true(texts.length > 3);
  for (const text of texts.map((each) => each.replaceAll('\\\\', '\\'))) {
    const upid = parseUpid(text);
    t.is(upid && formatUpid(upid), text);
  }
});

test('What a task is about is escaped as the specification shows.', (t) => {
  t.is(escapeWorkerId('ds1:host/pc-1'), 'ds1\\x3ahost-pc\\x2d1');
  t.is(escapeWorkerId('vectors::host/proto'), 'vectors\\x3a\\x3ahost-proto');
  t.is(escapeWorkerId('.a.b'), '\\x2ea.b');
  t.is(escapeWorkerId('ä'), '\\xc3\\xa4');
});

test('Any text comes back from its escaped form, which has no colon and no blank.', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = escapeWorkerId(text);
        return (
          /^[A-Za-z0-9_.\\-]*$/.test(escaped) && unescapeWorkerId(escaped) === Buffer.from(text).toString()
        );
      }),
    ),
  );
});

test('A name comes back from its text.', (t) => {
  const upid = fc.record({
    node: fc.constantFrom('vm', 'pbs-1'),
    pid: fc.nat(),
    processStart: fc.integer({ min: 0, max: 0xf_ffff_ffff }),
    number: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    startTime: fc.integer({ min: 0, max: 0xffff_ffff }),
    type: fc.constantFrom('backup', 'garbage_collection', 'move-group'),
    workerId: fc.string({ maxLength: 300 }),
    authId: fc.constantFrom('root@pam', 'ann@pbs!laptop', 'a!b@x@pam'),
  });
  t.notThrows(() => fc.assert(fc.property(upid, (each) => t.deepEqual(parseUpid(formatUpid(each)), each))));
});

test('What is no name of a task is not taken for one.', (t) => {
  for (const text of [
    '',
    'UPID:',
    BACKUP.slice(0, -1),
    `${BACKUP}\n`,
    `x${BACKUP}`,
    BACKUP.replace('6B02DDC6', '6b02ddc6'),
    BACKUP.replace('vm', '../vm'),
    BACKUP.replace('\\x3a', '\\x3A'),
    BACKUP.replace('\\x3a', '%3a'),
    BACKUP.replace('host-n', 'x'.repeat(5000)),
    BACKUP.replace('00000240', 'FFFFFFFFFFFFFFFF'),
  ])
    t.is(parseUpid(text), undefined, text.slice(0, 100));
});
