/** A TCP proxy before a server, that breaks one connection, or each, at a chosen byte. */
import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen.js';

export type Direction = 'up' | 'down';

/**
 * `reset`: RST to both sides. `close`: both sides see the end. `half-close`: the receiving side sees the end, the other direction
 * goes on. `hole`: one block is lost, the next ones go on. `stall`: nothing more is forwarded, and nothing ends.
 */
export type Fault = 'reset' | 'close' | 'half-close' | 'hole' | 'stall';

export const FAULTS: readonly Fault[] = ['reset', 'close', 'half-close', 'hole', 'stall'];

export interface FaultPoint {
  readonly fault: Fault;
  /** `up` is from the client to the server. */
  readonly direction: Direction;
  /** The fault comes when so many bytes were forwarded in the direction. */
  readonly bytes: number;
  /** Number of the connection, from 0. */
  readonly connection: number | 'every';
}

export interface FaultyProxy {
  readonly port: number;
  /** Bytes that were forwarded on each connection. */
  readonly forwarded: readonly Readonly<Record<Direction, number>>[];
}

interface Ends {
  readonly from: Socket;
  readonly to: Socket;
}

/** What becomes of the connection; of a `hole` nobody is told. */
function breakConnection(fault: Fault, { from, to }: Ends): void {
  if (fault === 'reset') {
    from.resetAndDestroy();
    to.resetAndDestroy();
  } else if (fault === 'close') {
    from.destroySoon();
    to.destroySoon();
  } else if (fault === 'half-close') {
    to.end();
  } else if (fault === 'stall') {
    from.pause();
  }
}

/** Forwards one direction until its fault. */
function forward({ from, to }: Ends, count: (bytes: number) => void, point: FaultPoint | undefined): void {
  let done = 0;
  let broken = false;
  const send = (block: Buffer): void => {
    if (block.length === 0 || to.destroyed || to.writableEnded) return;
    done += block.length;
    count(block.length);
    if (!to.write(block)) from.pause();
  };
  to.on('drain', () => {
    if (!broken || point?.fault === 'hole') from.resume();
  });
  from.on('data', (block: Buffer) => {
    if (point === undefined || (broken && point.fault === 'hole') || done + block.length <= point.bytes)
      return send(block);
    if (broken) return;
    const left = point.bytes - done;
    send(block.subarray(0, left));
    broken = true;
    breakConnection(point.fault, { from, to });
  });
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (point?.fault !== 'stall' || !broken) to.destroySoon();
  });
}

/** Calls `use` with a proxy before the server on `port` of 127.0.0.1; its connections are gone afterwards. */
export function withFaultyProxy<T>(
  port: number,
  point: FaultPoint | undefined,
  use: (proxy: FaultyProxy) => Promise<T>,
): Promise<T> {
  const forwarded: Record<Direction, number>[] = [];
  const upstream = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    upstream.add(target);
    const counts = { up: 0, down: 0 };
    const number = forwarded.push(counts) - 1;
    const at = (direction: Direction): FaultPoint | undefined => {
      const affected = point?.connection === 'every' || point?.connection === number;
      return affected && point.direction === direction ? point : undefined;
    };
    forward({ from: client, to: target }, (bytes) => (counts.up += bytes), at('up'));
    forward({ from: target, to: client }, (bytes) => (counts.down += bytes), at('down'));
  });
  return listen(server, async (own) => {
    try {
      return await use({ port: own, forwarded });
    } finally {
      for (const socket of upstream) socket.destroy();
    }
  });
}
