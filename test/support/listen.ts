/** Servers of one test, on a port that is free. */
import type { AddressInfo, Server, Socket } from 'node:net';

/** Calls `use` with the server's port on 127.0.0.1; server and connections are gone afterwards. */
export async function listen<T>(server: Server, use: (port: number) => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
