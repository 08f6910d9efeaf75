/** Text of others on a terminal: a server or a file must not be able to send control sequences. */

function escaped(character: string): string {
  return `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
}

/** One line: control characters stand as `\xNN`, tabs as they are. */
export function printableLine(text: string): string {
  return text.replace(/[^\P{Cc}\t]/gu, escaped);
}

/** Several lines: line breaks stay, too. */
export function printableText(text: string): string {
  return text.replace(/[^\P{Cc}\t\n]/gu, escaped);
}
