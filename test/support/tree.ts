/** Real trees from the recipes of golden vectors, and what they look like afterwards: `tree.py` does the work on disk. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { bytesOf, type Recipe, recipe } from './recipe.js';

const SCRIPT = fileURLToPath(new URL('../../../test/support/tree.py', import.meta.url));

const treeEntry = z.object({
  /** Hex of the path's bytes, '' for the root. */
  path: z.string(),
  type: z.enum(['dir', 'file', 'symlink', 'chr', 'blk', 'fifo', 'socket']),
  mode: z.string(),
  uid: z.number(),
  gid: z.number(),
  mtime: z.object({ s: z.number(), ns: z.number() }),
  size: z.number().optional(),
  sha256: z.string().optional(),
  content: recipe.optional(),
  target: z.string().optional(),
  rdev: z.tuple([z.number(), z.number()]).optional(),
  xattrs: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  acl_access: z.array(z.string()).optional(),
  acl_default: z.array(z.string()).optional(),
  fcaps: z.string().optional(),
  flags: z.array(z.string()).optional(),
  project: z.number().optional(),
  hardlink_to: z.string().optional(),
  /** Bytes of a scanned file that take no room. */
  holes: z.number().optional(),
});

export type TreeEntry = z.infer<typeof treeEntry>;

/** Parses the entries of a golden tree or scan. */
export function parseEntries(entries: unknown): TreeEntry[] {
  return z.array(treeEntry).parse(entries);
}

async function runScript(command: string, directory: string, input: string): Promise<string> {
  const child = spawn('python3', [SCRIPT, command, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  const out: Buffer[] = [];
  child.stdout.on('data', (block: Buffer) => out.push(block));
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`tree.py ${command} ${directory}: exit ${String(code)}`);
  return Buffer.concat(out).toString();
}

/** What is written where; between the pieces are holes. */
function piecesOf(content: Recipe): [number, string][] {
  if (content.kind !== 'sparse') return [[0, bytesOf(content).toString('base64')]];
  return content.data.map(({ offset, content: part }) => [offset, bytesOf(part).toString('base64')]);
}

function lengthOf(content: Recipe): number {
  return content.kind === 'sparse' ? content.length : bytesOf(content).length;
}

/** Makes a tree in an existing directory: the first entry is the directory itself. */
export async function buildTree(directory: string, entries: readonly TreeEntry[]): Promise<void> {
  const input = entries.map(({ content, ...entry }) =>
    content === undefined ? entry : { ...entry, size: lengthOf(content), data: piecesOf(content) },
  );
  await runScript('build', directory, JSON.stringify(input));
}

/** All entries of a tree with content hashes and all metadata, depth first. */
export async function scanTree(directory: string): Promise<TreeEntry[]> {
  return parseEntries(JSON.parse(await runScript('scan', directory, '')));
}

/** Takes away the flags that keep a tree from being deleted. */
export async function clearTree(directory: string): Promise<void> {
  await runScript('clear', directory, '');
}

type Field = keyof TreeEntry;

/** A field as it is compared: attributes of empty lists and orders that mean nothing are put aside. */
function comparable(entry: TreeEntry, field: Field): string {
  const value = entry[field];
  if (Array.isArray(value) && value.length === 0) return 'undefined';
  if (Array.isArray(value) && (field === 'flags' || field === 'xattrs')) {
    return JSON.stringify(value.map((each) => JSON.stringify(each)).sort());
  }
  return JSON.stringify(value) ?? 'undefined';
}

const FIELDS: readonly Field[] = [
  'type',
  'mode',
  'uid',
  'gid',
  'mtime',
  'size',
  'sha256',
  'target',
  'rdev',
  'xattrs',
  'acl_access',
  'acl_default',
  'fcaps',
  'flags',
  'project',
  'hardlink_to',
];

function textOf(path: string): string {
  return JSON.stringify(Buffer.from(path, 'hex').toString('latin1'));
}

/** What differs between two trees, one line each, at most 50; empty when they are equal. */
export function differences(expected: readonly TreeEntry[], found: readonly TreeEntry[]): string[] {
  const lines: string[] = [];
  const left = new Map(found.map((entry) => [entry.path, entry]));
  for (const entry of expected) {
    const other = left.get(entry.path);
    left.delete(entry.path);
    if (other === undefined) lines.push(`${textOf(entry.path)} is missing`);
    else {
      for (const field of FIELDS) {
        const [want, have] = [comparable(entry, field), comparable(other, field)];
        if (want !== have) lines.push(`${textOf(entry.path)}: ${field} ${have} instead of ${want}`);
      }
    }
  }
  for (const path of left.keys()) lines.push(`${textOf(path)} is too much`);
  return lines.slice(0, 50).map((line) => line.slice(0, 300));
}
