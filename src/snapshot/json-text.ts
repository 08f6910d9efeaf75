/** JSON as text, exactly as the server writes it. snapshot-manifest.md §3, §3.3. */

/** What JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Deepest nesting that is read or written. */
export const MAX_JSON_DEPTH = 128;

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Members sorted by the UTF-8 bytes of their keys; JavaScript alone would sort by UTF-16 units and put numbers first. */
function sortedMembers(value: { readonly [key: string]: JsonValue }): [string, JsonValue][] {
  return Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function list(parts: readonly string[], open: string, close: string, indent: string): string {
  if (parts.length === 0) return open + close;
  const inner = `${indent}  `;
  return `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`;
}

/** Pretty-printed with two spaces, keys sorted. */
export function prettyJson(value: JsonValue, indent = ''): string {
  const inner = `${indent}  `;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) {
    const items = value.map((item) => prettyJson(item, inner));
    return list(items, '[', ']', indent);
  }
  const members = sortedMembers(value).map(
    ([key, member]) => `${JSON.stringify(key)}: ${prettyJson(member, inner)}`,
  );
  return list(members, '{', '}', indent);
}

/** Canonical form for signatures: keys sorted, no white space. Throws TypeError for null and numbers that are not integers. */
export function canonicalJson(value: JsonValue): string {
  if (value === null) throw new TypeError('canonical JSON has no null');
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new TypeError('canonical JSON has only integers');
  if (typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = sortedMembers(value).map(
    ([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`,
  );
  return `{${members.join(',')}}`;
}

/** True if a value is nested deeper than `MAX_JSON_DEPTH`: such a value would overflow the stack of who walks it. */
export function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === MAX_JSON_DEPTH || Object.values(value).some((member) => isTooDeep(member, depth + 1));
}
