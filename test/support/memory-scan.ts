/** Looks for byte strings in the memory of another process, all at once. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** Something that should not be there. */
export interface Needle {
  /** What it is, for whoever reads that it was found. */
  readonly what: string;
  /** 8 bytes or more. */
  readonly bytes: Buffer;
}

/** Bytes of text that are looked at together. */
const BLOCK = 2;
const SHORTEST = 8;
/** Longest needle that is found where pieces of memory meet. */
const OVERLAP = 64;
const PIECE = 4 * 2 ** 20;
/** Memory that nobody has touched is passed over in such steps. */
const STEP = 64 * 1024;
const ZEROS = Buffer.alloc(STEP);

/** A search for many needles that looks at every seventh byte or so (Wu and Manber, 1994). */
export class Search {
  /** How far the next block that may begin a needle's end is from one of this value. */
  readonly #shifts = new Uint8Array(2 ** 16).fill(SHORTEST - BLOCK + 1);
  /** Needles by the block at their eighth byte. */
  readonly #needles = new Map<number, Needle[]>();

  constructor(needles: readonly Needle[]) {
    for (const needle of needles) {
      if (needle.bytes.length < SHORTEST || needle.bytes.length > OVERLAP)
        throw new RangeError(`${needle.what}: a needle has ${SHORTEST} to ${OVERLAP} bytes`);
      for (let at = 0; at + BLOCK <= SHORTEST; at += 1) {
        const block = needle.bytes.readUInt16LE(at);
        this.#shifts[block] = Math.min(this.#shifts[block]!, SHORTEST - BLOCK - at);
      }
      const last = needle.bytes.readUInt16LE(SHORTEST - BLOCK);
      this.#needles.set(last, [...(this.#needles.get(last) ?? []), needle]);
    }
  }

  /** Calls `found` for each needle in `text`. */
  in(text: Buffer, found: (needle: Needle, at: number) => void): void {
    const shifts = this.#shifts;
    for (let end = SHORTEST - 1; end < text.length; ) {
      const block = text[end - 1]! | (text[end]! << 8);
      const shift = shifts[block]!;
      end += shift || 1;
      if (shift > 0) continue;
      const start = end - SHORTEST;
      for (const needle of this.#needles.get(block)!) {
        const { bytes } = needle;
        if (bytes.equals(text.subarray(start, start + bytes.length))) found(needle, start);
      }
    }
  }

  /** Whether it is in `text`: what each needle that is there is. */
  namesIn(text: Buffer): string[] {
    const names = new Set<string>();
    this.in(text, ({ what }) => names.add(what));
    return [...names];
  }
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+)\s*(.*)$/;

/** All that can be read, but for files that nobody can write to in memory, and what the kernel shows there. */
function mappingsOf(pid: number): Mapping[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const [, start, end, access, inode, name] = LINE.exec(line)!;
      const isFixed = inode !== '0' && !access!.includes('w');
      if (!access!.startsWith('r') || isFixed || /^\[v(?:var|syscall|dso)/.test(name!)) return [];
      return [{ start: Number(`0x${start}`), end: Number(`0x${end}`), name: `${access} ${name}`.trim() }];
    });
}

/** Calls `use` with all parts of `bytes` that are not zeros, and what came just before. */
function touched(bytes: Buffer, use: (part: Buffer, at: number) => void): void {
  for (let at = 0; at < bytes.length; ) {
    let end = at;
    while (
      end < bytes.length &&
      !bytes.subarray(end, end + STEP).equals(ZEROS.subarray(0, bytes.length - end))
    )
      end += STEP;
    const start = Math.max(0, at - OVERLAP);
    if (end > at) use(bytes.subarray(start, end), start);
    at = end + STEP;
  }
}

/** What of the needles is in memory that nobody changes meanwhile. */
function scanStopped(pid: number, search: Search): string[] {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const buffer = Buffer.alloc(PIECE);
  const found: string[] = [];
  try {
    for (const { start, end, name } of mappingsOf(pid)) {
      for (let at = start; at < end; at += PIECE - OVERLAP) {
        const length = readSync(memory, buffer, 0, Math.min(PIECE, end - at), at);
        touched(buffer.subarray(0, length), (part, from) =>
          search.in(part, ({ what }, offset) => {
            found.push(`${what} at ${(at + from + offset).toString(16)} in ${name}`);
          }),
        );
      }
    }
    return found;
  } finally {
    closeSync(memory);
  }
}

/** Whether no thread runs. */
function isStopped(pid: number): boolean {
  const stats = readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'),
  );
  return stats.every((stat) => /\) [TZX] /.test(stat));
}

/**
 * What of the needles is in the memory of a process, which stands still meanwhile: what, and where. Throws what reading its memory
 * throws.
 */
export async function scanMemory(pid: number, search: Search): Promise<string[]> {
  process.kill(pid, 'SIGSTOP');
  try {
    while (!isStopped(pid)) await wait(1);
    return scanStopped(pid, search);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** Why the memory of a process that we started cannot be read; undefined: it can. */
export function memoryBarrier(pid: number): string | undefined {
  try {
    closeSync(openSync(`/proc/${pid}/mem`, 'r'));
    return undefined;
  } catch (error) {
    return String(error);
  }
}
