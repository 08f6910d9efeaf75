/** A live directory as a side of a comparison. */
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { lstat, open, readdir, readlink, realpath } from 'node:fs/promises';
import type { Timestamp } from '../../pxar/metadata.js';
import type { EntryRow } from '../entry-row.js';
import type { DiffNode, DiffType } from './diff-node.js';

const SECOND = 1_000_000_000n;
const PIECE = 1024 * 1024;
const SLASH = Buffer.from('/');

export interface LiveOptions {
  /** The file system that is looked at: what is mounted on it counts as empty. */
  readonly device: bigint;
  /** Told what cannot be read; it counts as not there. */
  readonly onProblem: (path: Buffer, problem: string) => void;
}

function timeOf(nanoseconds: bigint): Timestamp {
  const rest = ((nanoseconds % SECOND) + SECOND) % SECOND;
  return { seconds: Number((nanoseconds - rest) / SECOND), nanoseconds: Number(rest) };
}

function typeOf(stat: BigIntStats): DiffType {
  if (stat.isDirectory()) return 'd';
  if (stat.isFile()) return 'f';
  if (stat.isSymbolicLink()) return 'l';
  if (stat.isBlockDevice()) return 'b';
  if (stat.isCharacterDevice()) return 'c';
  return stat.isFIFO() ? 'p' : 's';
}

/** As glibc takes device numbers apart. */
function deviceOf({ rdev }: BigIntStats): readonly [number, number] {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return [Number(major), Number(minor)];
}

async function* contentOf(path: Buffer): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE), 0, PIECE, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

class LiveNode implements DiffNode {
  readonly type: DiffType;
  readonly row: EntryRow;
  readonly device: DiffNode['device'];
  readonly attributes = undefined;
  readonly #path: Buffer;
  readonly #stat: BigIntStats;
  readonly #options: LiveOptions;

  constructor(path: Buffer, stat: BigIntStats, target: Buffer | undefined, options: LiveOptions) {
    this.#path = path;
    this.#stat = stat;
    this.#options = options;
    this.type = typeOf(stat);
    const [mode, uid, gid] = [Number(stat.mode), Number(stat.uid), Number(stat.gid)];
    const size = this.type === 'f' ? Number(stat.size) : target?.length;
    this.row = { type: this.type, mode, uid, gid, size, mtime: timeOf(stat.mtimeNs), target };
    this.device = this.type === 'b' || this.type === 'c' ? deviceOf(stat) : undefined;
  }

  async children(): Promise<ReadonlyMap<string, DiffNode>> {
    const nodes = new Map<string, DiffNode>();
    if (this.type !== 'd' || this.#stat.dev !== this.#options.device) return nodes;
    const names = await this.#tolerant(this.#path, () => readdir(this.#path, { encoding: 'buffer' }));
    for (const name of names ?? []) {
      const path = Buffer.concat([this.#path, SLASH, name]);
      const node = await this.#tolerant(path, () => liveNode(path, this.#options));
      if (node !== undefined) nodes.set(name.toString('latin1'), node);
    }
    return nodes;
  }

  /** Ends where it cannot be read, which is said. */
  async *content(): AsyncGenerator<Buffer> {
    try {
      yield* contentOf(this.#path);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      this.#options.onProblem(this.#path, error.message);
    }
  }

  /** What has gone meanwhile is not there; what cannot be read is said. */
  async #tolerant<T>(path: Buffer, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      if (error.code !== 'ENOENT') this.#options.onProblem(path, error.message);
      return undefined;
    }
  }
}

async function liveNode(path: Buffer, options: LiveOptions): Promise<LiveNode> {
  const stat = await lstat(path, { bigint: true });
  const target = stat.isSymbolicLink() ? await readlink(path, { encoding: 'buffer' }) : undefined;
  return new LiveNode(path, stat, target, options);
}

/** A directory. Throws what the system says of it. */
export async function liveSide(directory: string, onProblem: LiveOptions['onProblem']): Promise<DiffNode> {
  const path = Buffer.from(await realpath(directory));
  const { dev } = await lstat(path, { bigint: true });
  return liveNode(path, { device: dev, onProblem });
}
