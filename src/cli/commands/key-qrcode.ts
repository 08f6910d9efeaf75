/** QR codes, drawn by the program `qrencode`. Its input may be a key: it goes through a pipe, never into arguments. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

const PROGRAM = 'qrencode';
/** Longest picture, in bytes: many times that of the largest code. */
const OUTPUT_LIMIT = 4 * 1024 * 1024;

export type QrCodeErrorCode =
  /** `qrencode` is not installed. */
  | 'QRCODE_MISSING'
  /** `qrencode` failed, or printed nothing, or far too much. */
  | 'QRCODE_FAILED';

/** A QR code that could not be drawn. */
export class QrCodeError extends Error {
  override readonly name = 'QrCodeError';
  readonly code: QrCodeErrorCode;

  constructor(code: QrCodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

function failed(why: string): QrCodeError {
  return new QrCodeError('QRCODE_FAILED', `${PROGRAM} ${why}: the QR code is missing`);
}

function notStarted(cause: Error): QrCodeError {
  const missing = 'code' in cause && cause.code === 'ENOENT';
  if (!missing) return failed(`cannot be started (${cause.message})`);
  const message = `the program ${PROGRAM} is not installed: the QR code is missing`;
  return new QrCodeError('QRCODE_MISSING', message, { cause });
}

/** Settles when the program has ended and its output is read. */
function ending(child: Child): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(cause.name === 'AbortError' ? cause : notStarted(cause)));
    child.once('close', (code, signal) => resolve(signal ?? code ?? 'nothing'));
  });
}

/** Draws `content` as SVG or in characters. Throws QrCodeError, and rejects when the signal is aborted. */
export async function drawQrCode(
  content: Buffer,
  type: 'SVG' | 'UTF8',
  signal: AbortSignal,
): Promise<Buffer> {
  const child = spawn(PROGRAM, ['-t', type, '-o', '-'], { stdio: ['pipe', 'pipe', 'ignore'], signal });
  // A program that does not read to the end says so by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(content);
  const parts: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (part: Buffer) => {
    length += part.length;
    if (length > OUTPUT_LIMIT) child.kill();
    else parts.push(part);
  });
  const end = await ending(child);
  if (length > OUTPUT_LIMIT) throw failed('printed far too much');
  if (end !== 0) throw failed(`ended with ${end}`);
  if (length === 0) throw failed('printed nothing');
  return Buffer.concat(parts);
}
