/** `restat find`: entries by their names, in all snapshots of a namespace. */
import type { MatchEntry } from '../../backup/match-list.js';
import { RepositoryError } from '../../repository/errors.js';
import type { Repository, SnapshotInfo, SnapshotReader } from '../../repository/repository.js';
import type { KeySource } from '../../repository/snapshot-key.js';
import { openArchive } from '../../restore/archive-source.js';
import { type FoundEntry, findEntries } from '../../restore/find.js';
import { parseIncludes } from '../../restore/selection.js';
import { formatSnapshot, type Namespace, parseGroup } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  keyOptions,
  lockOptions,
  optionString,
  positionals,
  repositoryOptions,
} from '../command.js';
import { type Context, printablePath } from '../context.js';
import { ExitCode } from '../errors.js';
import { withCommandKey } from '../keys.js';
import { entryJson, timeText } from '../output/entry-text.js';
import type { Json } from '../output/json.js';
import { type RowOutput, rowOutput } from '../output/rows.js';
import { lockWait } from '../repository.js';
import { parseWords } from '../usage.js';
import { commandPlace, treesOf, userName } from './archive-tree.js';

const PATH = ['find'];

interface Row extends FoundEntry {
  readonly snapshot: string;
  readonly archive: string;
}

function textOf({ snapshot, archive, path, row: { type, size, mtime } }: Row): string {
  return `${snapshot} ${archive} ${type} ${size ?? '-'} ${timeText(mtime)} ${printablePath(path)}`;
}

function jsonOf({ snapshot, archive, path, row }: Row): Json {
  return { snapshot, archive, path: printablePath(path), ...entryJson(row) };
}

/** A search over snapshots. */
class SnapshotSearch {
  readonly #invocation: Invocation;
  readonly #context: Context;
  readonly #patterns: readonly MatchEntry[];
  readonly #output: RowOutput<Row>;
  readonly #keys: KeySource;
  /** Some snapshots could not be searched. */
  incomplete = false;

  constructor(invocation: Invocation, context: Context, keys: KeySource) {
    this.#invocation = invocation;
    this.#context = context;
    this.#patterns = parseWords(PATH, () => parseIncludes(positionals(invocation, 'pattern')));
    this.#output = rowOutput(invocation, context, { text: textOf, json: jsonOf });
    this.#keys = keys;
  }

  async run(repository: Repository, namespace: Namespace): Promise<void> {
    const wanted = optionString(this.#invocation, 'group');
    const group = wanted === undefined ? undefined : parseWords(PATH, () => parseGroup(wanted));
    for (const info of await repository.snapshots(namespace, group)) {
      if (info.finished) await this.#searchSnapshot(repository, namespace, info);
      else if (info.problem !== undefined) this.#warn(formatSnapshot(info.snapshot), info.problem);
    }
    await this.#output.end();
  }

  async #searchSnapshot(
    repository: Repository,
    namespace: Namespace,
    { snapshot: name }: SnapshotInfo,
  ): Promise<void> {
    const snapshot = await this.#tolerant(formatSnapshot(name), () =>
      repository.open(namespace, name, { ...lockWait(this.#invocation, this.#context), keys: this.#keys }),
    );
    if (snapshot === undefined) return;
    try {
      for (const tree of this.#treesOf(snapshot)) await this.#searchTree(snapshot, tree);
    } finally {
      await snapshot.close();
    }
  }

  #treesOf(snapshot: SnapshotReader): string[] {
    const wanted = optionString(this.#invocation, 'archive');
    return treesOf(snapshot).filter((name) => wanted === undefined || userName(name) === wanted);
  }

  async #searchTree(snapshot: SnapshotReader, tree: string): Promise<void> {
    const where = { snapshot: formatSnapshot(snapshot.snapshot), archive: userName(tree) };
    const options = { inherit: false, signal: this.#context.signal };
    await this.#tolerant(`${where.snapshot} ${where.archive}`, async () => {
      try {
        const archive = await openArchive(snapshot, tree);
        for await (const found of findEntries(archive, this.#patterns, options))
          await this.#output.add({ ...where, ...found });
      } catch (error) {
        throw snapshot.failure ?? error;
      }
    });
  }

  /** What is damaged is said and passed over; a connection that is lost, or an interruption, ends the search. */
  async #tolerant<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#context.signal.throwIfAborted();
      if (!isDamage(error)) throw error;
      this.#warn(what, error.message);
      return undefined;
    }
  }

  #warn(what: string, problem: string): void {
    this.incomplete = true;
    this.#context.stderr.write(`Warning: ${what}: ${problem}\n`);
  }
}

/** Errors of one snapshot, which say nothing of others: it may have been made with another key, too. */
function isDamage(error: unknown): error is Error {
  if (error instanceof RepositoryError && ['KEY_MISSING', 'KEY_WRONG'].includes(error.code)) return true;
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return false;
  return /^(?:PXAR|CHUNK|BLOB|INDEX|MANIFEST|ARCHIVE|RESTORE|ZSTD|SNAPSHOT)/.test(error.code);
}

function run(invocation: Invocation, context: Context): Promise<number> {
  return withCommandKey(invocation, context, PATH, async (keys) => {
    const { repository, namespace } = await commandPlace(invocation, context);
    const search = new SnapshotSearch(invocation, context, keys);
    await search.run(repository, namespace);
    return search.incomplete ? ExitCode.incomplete : ExitCode.done;
  });
}

export const findCommand: CommandSpec = {
  path: PATH,
  description: 'Look for entries by their names in all snapshots of a namespace.',
  positionals: [
    {
      name: 'pattern',
      description: "as of --pattern: '*.conf' anywhere, '/etc/*.conf' there; '!…' leaves out",
      array: true,
    },
  ],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    ...lockOptions,
    ...keyOptions,
    group: { type: 'string', placeholder: 'GROUP', description: 'type/id: in its snapshots only' },
    archive: { type: 'string', placeholder: 'NAME', description: 'in archives of this name only' },
  },
  run,
};
