/** From HTTP/1.1 to HTTP/2 on one connection. protocol.md §4.2, §4.3. */
import { performServerHandshake, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  CONNECTION_WINDOW,
  MAX_FRAME,
  MAX_HEADERS,
  MAX_STREAMS,
  SESSION_MEMORY,
  STREAM_WINDOW,
} from './session-limits.js';

function write(connection: Duplex, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('close', () => reject(new Error('the connection was closed')));
    connection.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Agrees to the upgrade and begins HTTP/2; `head` is what the client sent already. Rejects when the connection ends. */
export async function switchProtocols(
  connection: Duplex,
  head: Buffer,
  protocol: string,
): Promise<ServerHttp2Session> {
  if (head.length > 0) connection.unshift(head);
  await write(
    connection,
    `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`,
  );
  // HTTP/2 must not be attached while the write above is still under way in the socket.
  await nextTurn();
  if (connection.destroyed) throw new Error('the connection was closed');
  const session = performServerHandshake(connection, {
    settings: {
      initialWindowSize: STREAM_WINDOW,
      maxConcurrentStreams: MAX_STREAMS,
      maxFrameSize: MAX_FRAME,
      maxHeaderListSize: MAX_HEADERS,
    },
    maxSessionMemory: SESSION_MEMORY,
  });
  session.setLocalWindowSize(CONNECTION_WINDOW);
  return session;
}
