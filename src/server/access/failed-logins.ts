/** Counts wrong secrets by address, so that nobody can try them all. */
import { isIP } from 'node:net';
import type { Clock } from './clock.js';
import { AccessError } from './errors.js';

export interface FailedLoginsOptions {
  readonly clock: Clock;
  /** So many attempts that are not right are let through … */
  readonly attempts: number;
  /** … in this time, in milliseconds. */
  readonly window: number;
  /** How many addresses are counted; the one that was quiet longest goes first. */
  readonly addresses: number;
}

interface Count {
  attempts: number;
  readonly since: number;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Whose attempts are counted together: an IPv4 address, the /64 of an IPv6 address; other texts all in one. */
export function addressKey(address: string): string {
  const [bare = ''] = address.split('%', 1);
  const mapped = MAPPED.exec(bare)?.[1];
  if (isIP(mapped ?? bare) === 4) return mapped ?? bare;
  return isIP(bare) === 6 ? network(bare) : 'unknown';
}

/** The first four groups of an IPv6 address. */
function network(address: string): string {
  const [front = '', back] = address.split('::');
  const left = groups(front);
  const right = back === undefined ? [] : groups(back);
  const missing = back === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...Array.from({ length: missing }, () => 0), ...right];
  return `${all
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The groups of a part of an address; an IPv4 address at its end has two, whose values do not matter here. */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? [0, 0] : [Number.parseInt(group, 16)]));
}

export class FailedLogins {
  readonly #o: FailedLoginsOptions;
  /** The address that was quiet longest first. */
  readonly #counts = new Map<string, Count>();

  constructor(options: FailedLoginsOptions) {
    this.#o = options;
  }

  /** Throws AccessError `ACCESS_LIMITED` for an address with too many attempts. */
  check(address: string): void {
    const { attempts } = this.#count(addressKey(address));
    if (attempts < this.#o.attempts) return;
    throw new AccessError('ACCESS_LIMITED', 'too many failed logins, try again later');
  }

  /**
   * Counts an attempt before it is known how it ends: many at once are not more than many in turn. Returns what takes it back.
   */
  attempt(address: string): () => void {
    const key = addressKey(address);
    const count = this.#count(key);
    count.attempts += 1;
    this.#counts.delete(key);
    this.#counts.set(key, count);
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size <= this.#o.addresses) break;
      this.#counts.delete(oldest);
    }
    return () => {
      count.attempts -= 1;
    };
  }

  #count(key: string): Count {
    const now = this.#o.clock.elapsed();
    const known = this.#counts.get(key);
    return known !== undefined && now - known.since < this.#o.window ? known : { attempts: 0, since: now };
  }
}
