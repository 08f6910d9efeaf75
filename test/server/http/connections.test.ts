import { Socket } from 'node:net';
import test from 'ava';
import { Connections } from '../../../src/server/http/connections.js';

function socketFrom(address: string): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: address });
}

test('connections are counted by the /64 of an IPv6 address, until they end', async (t) => {
  const refused: string[] = [];
  const connections = new Connections({
    ...{ connections: 10, connectionsPerAddress: 2 },
    refused: (address) => refused.push(address),
  });
  const admit = (address: string): Socket => {
    const socket = socketFrom(address);
    connections.admit(socket);
    return socket;
  };
  const [first] = ['2001:db8:0:1::1', '2001:db8:0:1:a:b:c:d'].map(admit);
  t.true(admit('2001:db8:0:1::2').destroyed);
  t.deepEqual(refused, ['2001:db8:0:1::2']);
  for (const address of ['2001:db8:0:2::1', '10.0.0.1', '::ffff:10.0.0.1']) t.false(admit(address).destroyed);
  t.true(admit('10.0.0.1').destroyed);
  const closed = new Promise((resolve) => first?.once('close', resolve));
  first?.destroy();
  await closed;
  t.false(admit('2001:db8:0:1::2').destroyed);
  const empty = connections.empty();
  connections.cut();
  await empty;
  t.is(connections.count, 0);
});
