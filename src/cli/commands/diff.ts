/** `restat diff`: what changed from one snapshot to another, or to a live directory. */
import type { OpenOptions, Repository, SnapshotReader } from '../../repository/repository.js';
import type { KeySource } from '../../repository/snapshot-key.js';
import { openArchive } from '../../restore/archive-source.js';
import { ArchiveTree } from '../../restore/archive-tree.js';
import { archiveSide } from '../../restore/diff/archive-node.js';
import { compareTrees, type Difference } from '../../restore/diff/compare.js';
import type { DiffNode } from '../../restore/diff/diff-node.js';
import { liveSide } from '../../restore/diff/live-node.js';
import { RestoreError } from '../../restore/errors.js';
import type { Namespace } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  keyOptions,
  lockOptions,
  optionFlag,
  optionString,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, printablePath } from '../context.js';
import { ExitCode } from '../errors.js';
import { withCommandKey } from '../keys.js';
import { entryJson } from '../output/entry-text.js';
import type { Json } from '../output/json.js';
import { type RowOutput, rowOutput } from '../output/rows.js';
import { findSnapshot, lockWait } from '../repository.js';
import { commandPlace, snapshotArgument, treesOf, userName } from './archive-tree.js';

type Change = 'added' | 'removed' | 'changed';

const SIGNS: Readonly<Record<Change, string>> = { added: '+', removed: '-', changed: 'M' };

function changeOf({ before, after }: Difference): Change {
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : 'changed';
}

interface Row {
  readonly archive: string;
  readonly difference: Difference;
}

function textOf({ archive, difference }: Row): string {
  const { before, after, path, aspects } = difference;
  const what = aspects.length === 0 ? '' : ` (${aspects.join(', ')})`;
  return `${SIGNS[changeOf(difference)]} ${(after ?? before)?.type} ${archive}:${printablePath(path)}${what}`;
}

function jsonOf({ archive, difference }: Row): Json {
  const { before, after, path, aspects } = difference;
  return {
    ...{ archive, path: printablePath(path), change: changeOf(difference), aspects },
    before: before && entryJson(before),
    after: after && entryJson(after),
  };
}

/** What is a path for `--repository` is a directory here, too. */
function isDirectoryWord(text: string): boolean {
  return text === '.' || text === '..' || /^\.{0,2}\//.test(text);
}

/** Checksums of an archive's streams: where they are the same, so is the archive. */
function checksums({ manifest }: SnapshotReader, archive: string): string {
  const stem = archive.slice(0, -'pxar'.length);
  const own = new Set(['pxar', 'mpxar', 'ppxar'].map((kind) => `${stem}${kind}.didx`));
  return manifest.files
    .filter(({ filename }) => own.has(filename))
    .map(({ filename, csum, size }) => `${filename} ${csum} ${size}`)
    .sort()
    .join();
}

async function sideOf(snapshot: SnapshotReader, archive: string): Promise<DiffNode> {
  const opened = await openArchive(snapshot, archive);
  return archiveSide(await ArchiveTree.open(opened), opened.name);
}

class Comparison {
  readonly #invocation: Invocation;
  readonly #context: Context;
  readonly #output: RowOutput<Row>;
  /** Something of the directory could not be read. */
  incomplete = false;

  constructor(invocation: Invocation, context: Context) {
    this.#invocation = invocation;
    this.#context = context;
    this.#output = rowOutput(invocation, context, { text: textOf, json: jsonOf });
  }

  async snapshots(before: SnapshotReader, after: SnapshotReader): Promise<void> {
    const [old, now] = [this.#archives(before), this.#archives(after)];
    for (const archive of [...new Set([...old, ...now])].sort()) {
      if (checksums(before, archive) === checksums(after, archive)) continue;
      const side = (snapshot: SnapshotReader, has: readonly string[]): Promise<DiffNode | undefined> =>
        has.includes(archive) ? sideOf(snapshot, archive) : Promise.resolve(undefined);
      await this.#print(archive, await side(before, old), await side(after, now));
    }
    await this.#output.end();
  }

  async directory(before: SnapshotReader, directory: string): Promise<void> {
    const archives = this.#archives(before);
    const [archive] = archives;
    if (archive === undefined || archives.length > 1) {
      const which = archives.length > 1 ? `: ${archives.join(', ')}` : '';
      throw new RestoreError('RESTORE_ARCHIVE', `--archive NAME says what to compare with${which}`);
    }
    const live = await liveSide(directory, (path, problem) => {
      this.incomplete = true;
      this.#context.stderr.write(`Warning: ${printablePath(path)}: ${problem}\n`);
    });
    await this.#print(archive, await sideOf(before, archive), live);
    await this.#output.end();
  }

  async #print(archive: string, before: DiffNode | undefined, after: DiffNode | undefined): Promise<void> {
    const options = { content: optionFlag(this.#invocation, 'content'), signal: this.#context.signal };
    for await (const difference of compareTrees(before, after, options))
      await this.#output.add({ archive, difference });
  }

  #archives(snapshot: SnapshotReader): string[] {
    const wanted = optionString(this.#invocation, 'archive');
    const names = treesOf(snapshot).map(userName);
    if (wanted === undefined) return names;
    const chosen = names.filter((name) => name === wanted);
    if (chosen.length > 0) return chosen;
    throw new RestoreError('RESTORE_ARCHIVE', `'${wanted}' is no pxar archive of the snapshot`);
  }
}

function run(invocation: Invocation, context: Context): Promise<number> {
  return withCommandKey(invocation, context, ['diff'], (keys) => compare(invocation, context, keys));
}

async function compare(invocation: Invocation, context: Context, keys: KeySource): Promise<number> {
  const { repository, namespace } = await commandPlace(invocation, context);
  const comparison = new Comparison(invocation, context);
  const open = (word: string): Promise<SnapshotReader> =>
    openWord(repository, namespace, word, { ...lockWait(invocation, context), keys });
  const opened: SnapshotReader[] = [];
  try {
    const [first, second] = [positional(invocation, 'snapshot'), positional(invocation, 'other')];
    const before = await open(first);
    opened.push(before);
    if (isDirectoryWord(second)) await comparison.directory(before, second);
    else {
      const after = await open(second);
      opened.push(after);
      await comparison.snapshots(before, after);
    }
    return comparison.incomplete ? ExitCode.incomplete : ExitCode.done;
  } catch (error) {
    throw opened.find(({ failure }) => failure !== undefined)?.failure ?? error;
  } finally {
    for (const each of opened) await each.close();
  }
}

async function openWord(
  repository: Repository,
  namespace: Namespace,
  word: string,
  options: OpenOptions,
): Promise<SnapshotReader> {
  return repository.open(namespace, await findSnapshot(repository, namespace, word), options);
}

export const diffCommand: CommandSpec = {
  path: ['diff'],
  description: 'Print what differs between two snapshots, or between a snapshot and a directory.',
  positionals: [
    snapshotArgument,
    { name: 'other', description: 'another one, or a directory: /…, ./…, ../… or .' },
  ],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    ...lockOptions,
    ...keyOptions,
    archive: { type: 'string', placeholder: 'NAME', description: 'compare this archive only' },
    content: {
      type: 'boolean',
      description: 'read files of equal size and compare what is in them',
    },
  },
  run,
};
