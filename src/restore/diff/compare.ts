/** Compares two trees. */
import type { EntryRow } from '../entry-row.js';
import type { DiffNode } from './diff-node.js';

/** In what two entries of the same name differ. */
export type Aspect =
  | 'type'
  | 'size'
  | 'content'
  | 'time'
  | 'mode'
  | 'owner'
  | 'target'
  | 'device'
  | 'attributes';

export interface Difference {
  /** Absolute in the tree; `/` is the root. */
  readonly path: Buffer;
  /** Undefined for what was added, or removed. */
  readonly before: EntryRow | undefined;
  readonly after: EntryRow | undefined;
  /** Empty for what was added or removed. */
  readonly aspects: readonly Aspect[];
}

export interface CompareOptions {
  /** Read files of equal size and compare their contents. */
  readonly content: boolean;
  readonly signal: AbortSignal;
}

type Children = ReadonlyMap<string, DiffNode>;

/** Two nodes of one name, or only one of them. */
interface Pair {
  readonly path: string;
  readonly before: DiffNode | undefined;
  readonly after: DiffNode | undefined;
}

const NONE: Children = new Map();
const PERMISSIONS = 0o7777;

/** Whether two streams have the same bytes. */
async function isEqual(a: AsyncIterable<Buffer>, b: AsyncIterable<Buffer>): Promise<boolean> {
  const others = b[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const piece of a) {
      for (let at = 0; at < piece.length; ) {
        if (rest.length === 0) {
          const next = await others.next();
          if (next.done === true) return false;
          rest = next.value;
          continue;
        }
        const length = Math.min(rest.length, piece.length - at);
        if (piece.compare(rest, 0, length, at, at + length) !== 0) return false;
        rest = rest.subarray(length);
        at += length;
      }
    }
    return rest.length === 0 && (await others.next()).done === true;
  } finally {
    await others.return?.();
  }
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

async function aspectsOf(before: DiffNode, after: DiffNode, readContent: boolean): Promise<Aspect[]> {
  if (before.type !== after.type) return ['type'];
  const [a, b] = [before.row, after.row];
  const isFile = before.type === 'f';
  const sizesDiffer = isFile && a.size !== b.size;
  const known = before.attributes !== undefined && after.attributes !== undefined;
  const differs: readonly (readonly [Aspect, boolean])[] = [
    ['size', sizesDiffer],
    ['content', isFile && !sizesDiffer && readContent && !(await isEqual(before.content(), after.content()))],
    ['time', a.mtime.seconds !== b.mtime.seconds || a.mtime.nanoseconds !== b.mtime.nanoseconds],
    ['mode', (a.mode & PERMISSIONS) !== (b.mode & PERMISSIONS)],
    ['owner', a.uid !== b.uid || a.gid !== b.gid],
    ['target', !isSame(a.target, b.target)],
    ['device', before.device?.join() !== after.device?.join()],
    ['attributes', known && !isSame(before.attributes, after.attributes)],
  ];
  return differs.flatMap(([aspect, is]) => (is ? [aspect] : []));
}

/** Children of both, the last by name first. */
function pairs(path: string, before: Children, after: Children): Pair[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .reverse()
    .map((name) => ({ path: `${path}/${name}`, before: before.get(name), after: after.get(name) }));
}

async function childrenOf(node: DiffNode | undefined): Promise<Children> {
  return node?.type === 'd' ? node.children() : NONE;
}

/**
 * Whatever differs of two trees, or all of one; a directory before what is in it, sorted by name. Memory: the directories on the way. Throws PxarError, what
 * reading chunks throws, and the signal's reason.
 */
export async function* compareTrees(
  before: DiffNode | undefined,
  after: DiffNode | undefined,
  { content, signal }: CompareOptions,
): AsyncGenerator<Difference> {
  const left: Pair[] = [{ path: '', before, after }];
  for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
    signal.throwIfAborted();
    const [a, b] = [pair.before, pair.after];
    const aspects = a === undefined || b === undefined ? [] : await aspectsOf(a, b, content);
    if (a === undefined || b === undefined || aspects.length > 0)
      yield { path: Buffer.from(pair.path || '/', 'latin1'), before: a?.row, after: b?.row, aspects };
    // One by one: a directory may have more names than a call takes.
    for (const child of pairs(pair.path, await childrenOf(a), await childrenOf(b))) left.push(child);
  }
}
