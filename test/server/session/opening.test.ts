/** How long a client has from an upgrade that is allowed to its 101. */
import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { mock } from 'node:test';
import test from 'ava';
import { OPENING } from '../../../src/server/session/session-limits.js';
import { acceptUpgrade } from '../../../src/server/session/upgrade.js';
import { ADDRESS } from '../access/access-world.js';
import { accessWith, type RestWorld, STORE, withEmptyStore } from '../rest/rest-world.js';

const BACKUP = [
  ['store', STORE],
  ['backup-type', 'host'],
  ['backup-id', 'pc'],
  ['backup-time', '1700000000'],
] as const;

/** A connection of which the server has sent something; whether that ever gets through is said by `takes`. */
async function upgraded(
  { context }: RestWorld,
  takes: boolean,
): Promise<{ connection: Duplex; ended: Promise<void> }> {
  const connection = new Duplex({
    read: () => undefined,
    write(_part, _encoding, done) {
      this.emit('sent');
      if (takes) done();
    },
  });
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'GET',
    url: '/api2/json/backup',
  });
  request.headers = { upgrade: 'proxmox-backup-protocol-v1' };
  const caller = {
    authId: 'ann@pbs',
    access: accessWith([['ann@pbs', 'DatastoreBackup']]),
    address: ADDRESS,
  };
  const { signal } = new AbortController();
  const sent = once(connection, 'sent');
  const ended = acceptUpgrade(request, connection, Buffer.alloc(0), caller, BACKUP, context, signal);
  await Promise.race([sent, ended]);
  return { connection, ended };
}

test.before(() => mock.timers.enable({ apis: ['setTimeout'] }));
test.after.always(() => mock.timers.reset());

test.serial('who does not take the 101 is cut off, and the group is free again', (t) =>
  withEmptyStore(async (world) => {
    for (let i = 0; i < 2; i += 1) {
      const { connection, ended } = await upgraded(world, false);
      mock.timers.tick(OPENING - 1);
      t.false(connection.destroyed);
      mock.timers.tick(1);
      t.true(connection.destroyed);
      await ended;
    }
    t.is(world.tasks.all().length, 2);
    t.true(world.tasks.all().every(({ endTime }) => endTime !== undefined));
  }),
);

test.serial('who has it has time', (t) =>
  withEmptyStore(async (world) => {
    const { connection, ended } = await upgraded(world, true);
    // The settings of HTTP/2: the session has begun.
    await once(connection, 'sent');
    mock.timers.tick(2 * OPENING);
    t.false(connection.destroyed);
    connection.destroy();
    await ended;
  }),
);
