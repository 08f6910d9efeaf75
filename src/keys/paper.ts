/** What stands on the paper that outlives the disk. cli.md §6. */
import { MasterKeyError } from './errors.js';
import { formatKeyFile, parseKeyFile } from './key-file.js';
import { privatePemKind } from './master-key.js';

/** Lines of PEM in one QR code: some 1300 characters, which a camera still tells apart. */
const LINES_PER_CODE = 20;
const LINE_END = 0x0a;
/** All that PEM consists of. */
const PEM_TEXT = /^(?:[A-Za-z0-9+/= -]*\r?\n)*[A-Za-z0-9+/= -]*$/;

/** Both parts hold the key itself where it has no password: wipe them. */
export interface Paper {
  /** What can be typed in again: lines with an end each. */
  readonly text: Buffer;
  /** Contents of QR codes; one after the other they are the file. */
  readonly codes: readonly Buffer[];
}

function framed(json: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('-----BEGIN PROXMOX BACKUP KEY-----\n'),
    json,
    Buffer.from('\n-----END PROXMOX BACKUP KEY-----\n'),
  ]);
}

/** Views of the text, each of so many lines. */
function blocksOf(text: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  let [start, lines] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === LINE_END) lines += 1;
    if (lines < LINES_PER_CODE && at < text.length - 1) continue;
    blocks.push(text.subarray(start, at + 1));
    [start, lines] = [at + 1, 0];
  }
  return blocks;
}

function masterPaper(pem: Buffer, name: string): Paper {
  if (privatePemKind(pem) === 'encrypted' && PEM_TEXT.test(pem.toString('latin1'))) {
    const text = pem.at(-1) === LINE_END ? Buffer.from(pem) : Buffer.concat([pem, Buffer.from('\n')]);
    return { text, codes: blocksOf(text) };
  }
  throw new MasterKeyError(
    'MASTER_KEY_SHAPE',
    `${name}: this is no PEM file of a private key with a password`,
  );
}

/**
 * The paper of a key file, or of a private master key that has a password. `name` is what errors call it. Throws KeyError and
 * MasterKeyError for a file that is neither.
 */
export function paperOf(bytes: Buffer, name: string): Paper {
  if (bytes.subarray(0, 11).toString('latin1') === '-----BEGIN ') return masterPaper(bytes, name);
  const file = parseKeyFile(bytes, name);
  const pretty = formatKeyFile(file, { pretty: true });
  const paper = { text: framed(pretty), codes: [formatKeyFile(file)] };
  for (const part of [pretty, file.data]) part.fill(0);
  return paper;
}
