import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { TicketCache } from '../../../src/repository/pbs/tickets.js';
import { withTemporaryDirectory } from '../../support/world.js';

const NOW = 1_700_000_000;
const ticket = { ticket: 'PBS:ann@pbs:6553F100::c2ln', csrf: '6553F100:bWFj' };

/** Calls `use` with a cache whose clock says `time.now`. */
function withCache(
  use: (cache: TicketCache, path: string, time: { now: number }) => Promise<void>,
): Promise<void> {
  return withTemporaryDirectory((directory) => {
    const time = { now: NOW };
    const path = join(directory, 'proxmox-backup', 'tickets');
    return use(new TicketCache(path, () => time.now), path, time);
  });
}

test('a ticket is kept by host and user in the layout of the reference client', (t) =>
  withCache(async (cache, path) => {
    await cache.keep('[fe80::1]', 'ann@pbs', ticket);
    await cache.keep('10.0.0.1', 'bob@pam', ticket);
    const entry = { timestamp: NOW, ticket: ticket.ticket, token: ticket.csrf };
    const expected = { '10.0.0.1': { 'bob@pam': entry }, '[fe80::1]': { 'ann@pbs': entry } };
    t.is(await readFile(path, 'utf8'), JSON.stringify(expected));
    t.is((await stat(path)).mode & 0o7777, 0o600);
    t.deepEqual(await cache.find('[fe80::1]', 'ann@pbs'), ticket);
    t.is(await cache.find('[fe80::1]', 'bob@pam'), undefined);
    t.is(await cache.find('other', 'ann@pbs'), undefined);
  }));

test('a ticket of 7140 seconds is not used, and goes at the next write', (t) =>
  withCache(async (cache, path, time) => {
    await cache.keep('h', 'ann@pbs', ticket);
    time.now += 7139;
    t.deepEqual(await cache.find('h', 'ann@pbs'), ticket);
    time.now += 1;
    t.is(await cache.find('h', 'ann@pbs'), undefined);
    await cache.keep('h', 'bob@pbs', ticket);
    t.deepEqual(Object.keys(JSON.parse(await readFile(path, 'utf8')).h), ['bob@pbs']);
  }));

test('a ticket is forgotten alone', (t) =>
  withCache(async (cache) => {
    await cache.keep('h', 'ann@pbs', ticket);
    await cache.keep('h', 'bob@pbs', ticket);
    t.true(await cache.forget('h', 'ann@pbs'));
    t.false(await cache.forget('h', 'ann@pbs'));
    t.false(await cache.forget('x', 'ann@pbs'));
    t.is(await cache.find('h', 'ann@pbs'), undefined);
    t.deepEqual(await cache.find('h', 'bob@pbs'), ticket);
  }));

test('what the reference client wrote is read, what nobody understands is as good as none', (t) =>
  withCache(async (cache, path) => {
    await mkdir(join(path, '..'), { mode: 0o700 });
    await writeFile(
      path,
      `{"127.0.0.1":{"ann@pbs":{"timestamp":${NOW},"ticket":"T","token":"C"},"bob@pbs":{"ticket":7}}}`,
    );
    t.deepEqual(await cache.find('127.0.0.1', 'ann@pbs'), { ticket: 'T', csrf: 'C' });
    t.is(await cache.find('127.0.0.1', 'bob@pbs'), undefined);
    for (const text of ['', '[]', '{"h":3}', '{', 'x'.repeat(2_000_000)]) {
      await writeFile(path, text);
      t.is(await cache.find('127.0.0.1', 'ann@pbs'), undefined);
    }
    await writeFile(path, '{"h":3}');
    await cache.keep('h', 'ann@pbs', ticket);
    t.deepEqual(await cache.find('h', 'ann@pbs'), ticket);
  }));
