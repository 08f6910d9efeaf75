/** Open connections: not more than there may be, in all and from one address, and none left at the end. */
import type { Socket } from 'node:net';
import { addressKey } from '../access/failed-logins.js';

export interface ConnectionsOptions {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Told of each connection that is closed because it is one too many. */
  refused(address: string): void;
}

export class Connections {
  readonly #o: ConnectionsOptions;
  readonly #open = new Set<Socket>();
  readonly #byAddress = new Map<string, number>();
  readonly #whenEmpty: (() => void)[] = [];

  constructor(options: ConnectionsOptions) {
    this.#o = options;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /** Takes a new connection, or closes it. */
  admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const key = addressKey(address);
    const own = this.#byAddress.get(key) ?? 0;
    if (this.#open.size >= this.#o.connections || own >= this.#o.connectionsPerAddress) {
      socket.destroy();
      this.#o.refused(address);
      return;
    }
    this.#open.add(socket);
    this.#byAddress.set(key, own + 1);
    socket.once('close', () => this.#leave(socket, key));
  }

  /** Resolves when none is open. */
  async empty(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Closes all that are open, whatever they do. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #leave(socket: Socket, key: string): void {
    this.#open.delete(socket);
    const left = (this.#byAddress.get(key) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(key);
    else this.#byAddress.set(key, left);
    if (this.#open.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}
