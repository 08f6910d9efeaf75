/** What a task is about, as its UPID says it. rest-api.md §4.1. */

const PLAIN = /[A-Za-z0-9_.]/;
const ESCAPED = /^(?:[A-Za-z0-9_.-]|\\x[0-9a-f]{2})*$/;

/** `/` becomes `-`; every byte but letters, digits, `_` and `.`, and a dot at the start, becomes `\xHH`. */
export function escapeWorkerId(text: string): string {
  let out = '';
  for (const [i, byte] of Buffer.from(text, 'utf8').entries()) {
    const c = String.fromCharCode(byte);
    if (c === '/') out += '-';
    else if (PLAIN.test(c) && !(i === 0 && c === '.')) out += c;
    else out += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return out;
}

/** The opposite; undefined for what nothing is escaped to. */
export function unescapeWorkerId(text: string): string | undefined {
  if (!ESCAPED.test(text)) return undefined;
  const bytes = text
    .replaceAll('-', '/')
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
