/** The ticket cache that restat shares with the reference client: one login serves both. protocol.md §1.4. */
import * as z from 'zod';
import { readText, replaceText } from './client-file.js';

/** A login that the server granted. */
export interface Ticket {
  readonly ticket: string;
  /** Goes with every request that changes something. */
  readonly csrf: string;
}

/** Entries of this age in seconds and older are not used: the server takes a ticket for 7200 s. */
export const TICKET_LIFETIME = 7140;

const entrySchema = z.object({
  timestamp: z.int(),
  ticket: z.string().min(1),
  token: z.string().min(1),
});
const fileSchema = z.record(z.string(), z.record(z.string(), z.unknown()));

type Entry = z.infer<typeof entrySchema>;
/** Host, then user. */
type Cache = Map<string, Map<string, Entry>>;

function parseCache(text: string): Cache {
  const cache: Cache = new Map();
  for (const [host, users] of Object.entries(parseFile(text))) {
    const entries = Object.entries(users).flatMap(([user, value]): [string, Entry][] => {
      const entry = entrySchema.safeParse(value);
      return entry.success ? [[user, entry.data]] : [];
    });
    cache.set(host, new Map(entries));
  }
  return cache;
}

/** A file that cannot be understood is as good as none. */
function parseFile(text: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

function byName<T>(a: readonly [string, T], b: readonly [string, T]): number {
  return a[0] < b[0] ? -1 : 1;
}

function formatCache(cache: Cache, now: number): string {
  const hosts = [...cache].sort(byName).flatMap(([host, users]): [string, object][] => {
    const fresh = [...users].sort(byName).filter(([, { timestamp }]) => now - timestamp < TICKET_LIFETIME);
    return fresh.length === 0 ? [] : [[host, Object.fromEntries(fresh)]];
  });
  return JSON.stringify(Object.fromEntries(hosts));
}

export class TicketCache {
  readonly #path: string;
  readonly #now: () => number;

  /** `now` gives seconds since the epoch. The file's directory is made when it is needed. */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
  }

  /** A ticket that the server should still take. A cache that cannot be read has none. */
  async find(host: string, user: string): Promise<Ticket | undefined> {
    const entry = parseCache(await readText(this.#path).catch(() => ''))
      .get(host)
      ?.get(user);
    if (entry === undefined || this.#now() - entry.timestamp >= TICKET_LIFETIME) return undefined;
    return { ticket: entry.ticket, csrf: entry.token };
  }

  /** Keeps a ticket and drops old ones. Throws system errors. */
  async keep(host: string, user: string, { ticket, csrf }: Ticket): Promise<void> {
    const cache = parseCache(await readText(this.#path));
    const users = cache.get(host) ?? new Map<string, Entry>();
    users.set(user, { timestamp: this.#now(), ticket, token: csrf });
    cache.set(host, users);
    await replaceText(this.#path, formatCache(cache, this.#now()));
  }

  /** Forgets a ticket; false if there was none. Throws system errors. */
  async forget(host: string, user: string): Promise<boolean> {
    const cache = parseCache(await readText(this.#path));
    if (cache.get(host)?.delete(user) !== true) return false;
    await replaceText(this.#path, formatCache(cache, this.#now()));
    return true;
  }
}
