/**
 * Options of the reference client that this version does not have (cli.md §1.4, §2.2). Whoever brings a command line
 * along learns what to do instead of reading "unknown option".
 */

/** Name to what is said of it. */
const RESERVED: ReadonlyMap<string, string> = new Map([
  ['no-cache', 'is for datastores in object stores, which a later version will reach; leave it out'],
]);

/** Why an option of the reference client is refused; undefined for a name that neither program knows. */
export function reservedAdvice(name: string): string | undefined {
  return RESERVED.get(name);
}

/** All such names, for tests and documentation. */
export const reservedNames: readonly string[] = [...RESERVED.keys()];
