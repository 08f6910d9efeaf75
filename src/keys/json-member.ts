/** Takes the value of one member out of a JSON text, as bytes, before anything makes strings of the rest. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Where a string's text begins, and its closing quote. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** The string whose opening quote is at `at`; undefined where it does not end. */
function stringAt(json: Buffer, at: number): Range | undefined {
  for (let i = at + 1; i < json.length; i += 1) {
    if (json[i] === QUOTE) return { start: at + 1, end: i };
    if (json[i] === BACKSLASH) i += 1;
  }
  return undefined;
}

function skipBlanks(json: Buffer, at: number): number {
  let i = at;
  while (BLANKS.has(json[i])) i += 1;
  return i;
}

/** The string that follows `: `, where there is one. */
function valueAfter(json: Buffer, at: number): Range | undefined {
  const colon = skipBlanks(json, at);
  if (json[colon] !== COLON) return undefined;
  const quote = skipBlanks(json, colon + 1);
  return json[quote] === QUOTE ? stringAt(json, quote) : undefined;
}

/** Values of all members of this name in the outermost object that are strings. */
function valuesOf(json: Buffer, name: string): Range[] {
  const found: Range[] = [];
  let depth = 0;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
    if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1;
    if (byte !== QUOTE) continue;
    const text = stringAt(json, at);
    if (text === undefined) return found;
    at = text.end;
    if (depth !== 1 || json.toString('latin1', text.start, text.end) !== name) continue;
    const value = valueAfter(json, text.end + 1);
    if (value === undefined) continue;
    found.push(value);
    at = value.end;
  }
  return found;
}

/** The two parts of a JSON text. */
export interface TakenMember {
  /** The value as it stands between its quotes: a view. */
  readonly value: Buffer;
  /** The text with `""` in the place of the value: a copy. */
  readonly rest: Buffer;
}

/**
 * Parts the outermost object's string member `name` from the rest. Undefined unless there is exactly one, written without escapes in
 * its name. The text need not be JSON: whoever parses the rest finds out.
 */
export function takeMember(json: Buffer, name: string): TakenMember | undefined {
  const [value, ...more] = valuesOf(json, name);
  if (value === undefined || more.length > 0) return undefined;
  return {
    value: json.subarray(value.start, value.end),
    rest: Buffer.concat([json.subarray(0, value.start), json.subarray(value.end)]),
  };
}
