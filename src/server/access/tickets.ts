/** Tickets and CSRF tokens. protocol.md §3.2. */
import { createHmac, sign, timingSafeEqual, verify } from 'node:crypto';
import { userIdProblem } from './auth-id.js';
import type { ServerKeys } from './server-keys.js';

/** How long a ticket is good for, in seconds. */
export const TICKET_LIFETIME = 7200;
/** How far ahead the clock that made it may have been, in seconds. */
const FUTURE = 300;
/** Longer is no ticket, in characters. */
const MAX_TICKET = 512;

/** Ed25519 has 64 bytes, which are 86 characters. */
const TICKET = /^PBS:([^:]+):([0-9A-F]{8})::([A-Za-z0-9+/]{86})$/;
/** HMAC-SHA-256 has 32 bytes, which are 43 characters. */
const CSRF = /^([0-9A-F]{8}):([A-Za-z0-9+/]{43})$/;

/** base64 without padding. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

function hexTime(seconds: number): string {
  return seconds.toString(16).toUpperCase().padStart(8, '0');
}

function isFresh(time: string, now: number): boolean {
  const age = now - Number.parseInt(time, 16);
  return age >= -FUTURE && age <= TICKET_LIFETIME;
}

/** True for what has the form of a ticket, valid or not. */
export function looksLikeTicket(text: string): boolean {
  return text.length <= MAX_TICKET && TICKET.test(text);
}

/** What a ticket's signature covers. `binding` is what must not have changed since: see `Tickets`. */
function signed(userId: string, time: string, binding: string): Buffer {
  return Buffer.from(`PBS:${userId}:${time}\n${binding}`);
}

/**
 * Makes tickets and knows them again, without keeping any. Each is bound to a text that the server has of the user and that never
 * leaves it, so that a ticket ends when the user's password changes.
 */
export class Tickets {
  readonly #keys: ServerKeys;

  constructor(keys: ServerKeys) {
    this.#keys = keys;
  }

  /** `PBS:USER:HEXTIME::SIGNATURE`; `now` is seconds since the epoch. */
  issue(userId: string, binding: string, now: number): string {
    const time = hexTime(now);
    const signature = sign(null, signed(userId, time, binding), this.#keys.signing);
    return `PBS:${userId}:${time}::${base64(signature)}`;
  }

  /** The user of a valid ticket. `bindingOf` gives the text that the user's tickets are bound to; undefined where none count. */
  open(ticket: string, bindingOf: (userId: string) => string | undefined, now: number): string | undefined {
    const [, userId = '', time = '', text = ''] = (ticket.length <= MAX_TICKET && TICKET.exec(ticket)) || [];
    if (userIdProblem(userId) !== undefined || !isFresh(time, now)) return undefined;
    const signature = Buffer.from(text, 'base64');
    const binding = bindingOf(userId);
    if (binding === undefined || base64(signature) !== text) return undefined;
    return verify(null, signed(userId, time, binding), this.#keys.verifying, signature) ? userId : undefined;
  }

  /** `HEXTIME:MAC` for one user. */
  issueCsrf(userId: string, now: number): string {
    const time = hexTime(now);
    return `${time}:${base64(this.#mac(userId, time))}`;
  }

  /** True for a CSRF token that this user got lately. */
  checkCsrf(token: string, userId: string, now: number): boolean {
    const [, time = '', mac = ''] = CSRF.exec(token) ?? [];
    if (time === '' || !isFresh(time, now)) return false;
    const expected = Buffer.from(base64(this.#mac(userId, time)));
    return timingSafeEqual(expected, Buffer.from(mac));
  }

  #mac(userId: string, time: string): Buffer {
    return createHmac('sha256', this.#keys.csrf).update(`${time}:${userId}`).digest();
  }
}
