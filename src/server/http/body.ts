/** Reads bodies of requests, as far as they are wanted. */
import type { IncomingMessage } from 'node:http';

import type { BodyRoom } from './body-room.js';
import { CallError } from './call-error.js';
import { KeptBytes } from './kept-bytes.js';

export interface BodyOptions {
  /** Longest body, in bytes. */
  readonly limit: number;
  /** Longest pause between two parts, in milliseconds. */
  readonly silence: number;
  /** For the whole body, in milliseconds; as long as it likes where there is none. */
  readonly deadline?: number;
  readonly room: BodyRoom;
  /** Whose share of the room it takes. */
  readonly caller: string;
}

function tooLarge(): CallError {
  return new CallError(400, 'Request body too large');
}

/** Ends a request that does not go on. */
class Watch {
  readonly #timer: NodeJS.Timeout;
  readonly #deadline: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, silence: number, deadline: number | undefined) {
    const giveUp = (): void => {
      request.destroy(new CallError(408, 'the body does not arrive'));
    };
    this.#timer = setTimeout(giveUp, silence);
    this.#deadline = deadline === undefined ? undefined : setTimeout(giveUp, deadline);
  }

  refresh(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
  }
}

/**
 * The whole body, lent to `use`; its bytes count until that is done. Throws CallError: 400 for one that is longer than the limit, or
 * says that it will be, 503 where there is no room for it; 408 with the connection's end where it pauses too long.
 */
export async function withBody<T>(
  request: IncomingMessage,
  { limit, silence, deadline, room, caller }: BodyOptions,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const kept = new KeptBytes(limit);
  let length = 0;
  const place = room.enter(caller);
  const watch = new Watch(request, silence, deadline);
  try {
    for await (const read of request.iterator({ destroyOnReturn: false })) {
      const part: Buffer = read;
      if (length + part.length > limit) throw tooLarge();
      place.take(part.length);
      length += part.length;
      kept.add(part);
      watch.refresh();
    }
    watch.end();
    return await use(Buffer.concat(kept.parts(), length));
  } finally {
    watch.end();
    place.leave();
  }
}

/** After the answer: takes what is left of the body, so that the client gets to read the answer, but not for long. */
export function drainBody(request: IncomingMessage, patience: number): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.socket.destroy(), patience);
  request.once('close', () => clearTimeout(timer));
  request.on('error', () => undefined);
  request.resume();
}
