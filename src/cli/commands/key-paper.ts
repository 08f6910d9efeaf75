/** `restat key paperkey`: a key for a drawer. cli.md §6. */

import { PEM_LIMIT } from '../../keys/master-key.js';
import { type Paper, paperOf } from '../../keys/paper.js';
import { readStored } from '../../keys/stored-file.js';
import { type Invocation, optionString } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode } from '../errors.js';
import { printableLine } from '../output/printable.js';
import { keyPath } from './key-places.js';
import { drawQrCode } from './key-qrcode.js';

/** The parts of a page, in order. What is made of the key stays bytes. */
interface Page {
  readonly type: 'SVG' | 'UTF8';
  head(subject: string | undefined): string;
  text(text: Buffer): Buffer;
  code(picture: Buffer, title: string): string;
  readonly foot: string;
}

const ENTITIES: ReadonlyMap<number, Buffer> = new Map(
  Object.entries({ '&': '&amp;', '<': '&lt;', '>': '&gt;' }).map(([character, entity]) => [
    character.charCodeAt(0),
    Buffer.from(entity),
  ]),
);

function escapeHtml(text: Buffer): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const entity = ENTITIES.get(text[at]!);
    if (entity === undefined) continue;
    parts.push(text.subarray(start, at), entity);
    start = at + 1;
  }
  return Buffer.concat([...parts, text.subarray(start)]);
}

const STYLE = [
  'body { font-family: sans-serif; margin: 2em; }',
  'pre { font-size: 10pt; white-space: pre-wrap; overflow-wrap: anywhere; }',
  'figure { margin: 1em 0; break-inside: avoid; }',
  'img { width: 12cm; }',
].join('\n');

const html: Page = {
  type: 'SVG',
  head: (subject) => {
    const title = subject === undefined ? 'Backup key' : escapeHtml(Buffer.from(subject)).toString();
    return `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${title}</title>\n<style>\n${STYLE}\n</style>\n</head>\n<body>\n<h1>${title}</h1>\n<pre>\n`;
  },
  text: (text) => Buffer.concat([escapeHtml(text), Buffer.from('</pre>\n')]),
  // As an image, whatever the program printed cannot be part of the page.
  code: (picture, title) =>
    `<figure>\n<img alt="${title}" src="data:image/svg+xml;base64,${picture.toString('base64')}">\n<figcaption>${title}</figcaption>\n</figure>\n`,
  foot: '</body>\n</html>\n',
};

const plain: Page = {
  type: 'UTF8',
  head: (subject) => (subject === undefined ? '' : `Subject: ${subject}\n\n`),
  text: (text) => Buffer.from(text),
  code: (picture, title) => `\n${title}\n${picture.toString()}`,
  foot: '',
};

/** Settles when the bytes are out of our hands and may be overwritten. */
function write({ stdout, signal }: Context, part: string | Buffer): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    stdout.write(part, (error) => {
      signal.removeEventListener('abort', stop);
      if (error) reject(error);
      else resolve();
    });
  });
}

async function printPage(invocation: Invocation, context: Context, { text, codes }: Paper): Promise<void> {
  const page = optionString(invocation, 'output-format') === 'text' ? plain : html;
  const subject = optionString(invocation, 'subject');
  await write(context, page.head(subject === undefined ? undefined : printableLine(subject)));
  const shown = page.text(text);
  await write(context, shown);
  shown.fill(0);
  for (const [i, code] of codes.entries()) {
    const title = codes.length === 1 ? 'QR code' : `QR code ${i + 1} of ${codes.length}`;
    await write(context, page.code(await drawQrCode(code, page.type, context.signal), title));
  }
  await write(context, page.foot);
}

/** `restat key paperkey`. What cannot be drawn is missed after the text, which is the key. */
export async function printPaper(invocation: Invocation, context: Context): Promise<number> {
  const path = await keyPath(invocation, context);
  const bytes = await readStored(path, PEM_LIMIT);
  const paper = paperOf(bytes, path);
  bytes.fill(0);
  try {
    await printPage(invocation, context, paper);
  } finally {
    for (const part of [paper.text, ...paper.codes]) part.fill(0);
  }
  return ExitCode.done;
}
