/** `restat catalog shell`: looks around in an archive and restores from it, line by line. */
import { createInterface, type Interface } from 'node:readline';
import { openArchive } from '../../restore/archive-source.js';
import { ArchiveTree } from '../../restore/archive-tree.js';
import type { EntryRow } from '../../restore/entry-row.js';
import { extractArchive } from '../../restore/extract.js';
import { commandNames, helpText, runCommand } from '../../restore/shell/commands.js';
import { ArchiveShell, type ShellParts } from '../../restore/shell/shell.js';
import { quoteWord, readLine, splitWords } from '../../restore/shell/words.js';
import { type CommandSpec, type Invocation, keyOptions, lockOptions, repositoryOptions } from '../command.js';
import { type Context, printablePath, writeOut } from '../context.js';
import { ExitCode } from '../errors.js';
import { explain } from '../explain.js';
import { Interruption } from '../interruption.js';
import { modeText } from '../output/entry-text.js';
import { Reporter } from '../output/reporter.js';
import { archiveArgument, snapshotArgument, withSnapshot } from './archive-tree.js';

const TYPES: Readonly<Record<EntryRow['type'], string>> = {
  d: 'directory',
  f: 'file',
  l: 'symlink',
  h: 'hardlink',
  b: 'block device',
  c: 'character device',
  p: 'fifo',
  s: 'socket',
};
const PERMISSIONS = 0o7777;
const NAMES = [...commandNames, 'exit', 'help'].sort();

/** Existing directories may be there; nothing is overwritten. */
const RESTORE = {
  allowExistingDirs: true,
  overwriteFiles: false,
  overwriteSymlinks: false,
  overwriteHardlinks: false,
  ignoreAcls: false,
  ignoreXattrs: false,
  ignoreOwnership: false,
  ignorePermissions: false,
  ignoreDeviceErrors: false,
  noSpecials: false,
  noSetuid: false,
  strict: false,
} as const;

/** `2026-11-22 15:29:19`, in local time. */
function timeText({ seconds }: EntryRow['mtime']): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toLocaleString('sv-SE');
}

function describe(path: Buffer, row: EntryRow): string {
  const { type, mode, uid, gid, size, mtime, target } = row;
  const arrow = target === undefined ? '' : ` -> ${printablePath(target)}`;
  const octal = (mode & PERMISSIONS).toString(8).padStart(3, '0');
  return [
    `  File: ${printablePath(path)}${arrow}`,
    `  Size: ${String(size ?? 0).padEnd(13)} Type: ${TYPES[type]}`,
    `Access: (${octal}/${modeText(row)}  )  Uid: ${String(uid).padEnd(5)} Gid: ${gid}`,
    `Modify: ${timeText(mtime)}`,
  ].join('\n');
}

/** Ends the command that runs, and only that. */
class CommandStop {
  readonly #whole: AbortSignal;
  #running: AbortController | undefined;
  /** Of the command that runs. */
  signal: AbortSignal;

  constructor(whole: AbortSignal) {
    this.#whole = whole;
    this.signal = whole;
  }

  /** Runs a command; when it was stopped, what it throws for that is none of its errors. */
  async during(command: () => Promise<void>): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    this.signal = AbortSignal.any([this.#whole, running.signal]);
    try {
      await command();
    } catch (error) {
      if (!running.signal.aborted) throw error;
    } finally {
      this.#running = undefined;
      this.signal = this.#whole;
    }
  }

  stop(): void {
    this.#running?.abort(new Interruption('SIGNAL', 'interrupted'));
  }
}

/** Runs lines until there are no more, or `exit`. */
class Loop {
  readonly #context: Context;
  readonly #shell: ArchiveShell;
  readonly #stop: CommandStop;
  /** How many lines were entered, how many ended, and up to which one Ctrl-C gave up. */
  #entered = 0;
  #ended = 0;
  #abandoned = 0;
  /** Something went wrong, in a script that nobody watches. */
  failed = false;

  constructor(context: Context, shell: ArchiveShell, stop: CommandStop) {
    this.#context = context;
    this.#shell = shell;
    this.#stop = stop;
  }

  async run(): Promise<void> {
    const { stdin, stdout, signal } = this.#context;
    const terminal = stdin.isTTY && stdout.isTTY;
    const lines = createInterface({
      ...{ input: stdin, terminal, historySize: 1000, removeHistoryDuplicates: true },
      ...(terminal ? { output: stdout, completer: this.#complete } : {}),
    });
    const close = (): void => lines.close();
    signal.addEventListener('abort', close, { once: true });
    if (terminal) {
      lines.on('SIGINT', () => this.#abandon(lines));
      lines.on('line', () => this.#entered++);
    }
    try {
      this.#prompt(lines, terminal);
      for await (const line of lines) {
        if (this.#ended >= this.#abandoned && !(await this.#take(line))) break;
        this.#ended++;
        this.#prompt(lines, terminal);
      }
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', close);
      lines.close();
    }
  }

  #prompt(lines: Interface, terminal: boolean): void {
    if (!terminal) return;
    lines.setPrompt(`pxar:${printablePath(this.#shell.directory)} > `);
    lines.prompt();
  }

  /** Ctrl-C ends the command that runs, with what was typed ahead, or gives up the line, as in other shells. */
  #abandon(lines: Interface): void {
    if (this.#entered > this.#ended) {
      this.#stop.stop();
      this.#abandoned = this.#entered;
      this.#context.stdout.write('^C\n');
      return;
    }
    this.#context.stdout.write('\n');
    // What is before the cursor is deleted: it goes to the end first.
    lines.write(null, { ctrl: true, name: 'e' });
    lines.write(null, { ctrl: true, name: 'u' });
    lines.prompt();
  }

  /** False when it is time to end. Errors do not end it. */
  async #take(line: string): Promise<boolean> {
    const { stderr, env, signal } = this.#context;
    try {
      const [name, ...words] = splitWords(line);
      if (name === 'exit') return false;
      if (name === 'help') await writeOut(this.#context, `${helpText()}\n`);
      else if (name !== undefined) await this.#stop.during(() => runCommand(this.#shell, name, words));
    } catch (error) {
      signal.throwIfAborted();
      this.failed = true;
      stderr.write(`${explain(error, env)}\n`);
    }
    return true;
  }

  readonly #complete = (line: string, done: (error: null, result: [string[], string]) => void): void => {
    this.#completions(line).then(
      (result) => done(null, result),
      () => done(null, [[], line]),
    );
  };

  async #completions(line: string): Promise<[string[], string]> {
    const { words, open, quote } = readLine(line);
    if (quote !== undefined) return [[], line];
    const begun = line.slice(open?.start ?? line.length);
    if (words.length - (open === undefined ? 0 : 1) === 0)
      return [NAMES.filter((name) => name.startsWith(begun)).map((name) => `${name} `), begun];
    return [(await this.#shell.completions(open?.text ?? '')).map(quoteWord), begun];
  }
}

function restorer(
  context: Context,
  archive: ShellParts['archive'],
  stop: CommandStop,
): ShellParts['restore'] {
  return async (target, includes) => {
    const reporter = new Reporter(context, 'none');
    const { summary } = await extractArchive({
      ...{ archive, target, includes, settings: RESTORE, signal: stop.signal },
      onEvent: ({ severity, path, message }) => reporter.notice({ kind: severity, path, message }),
      onProgress: () => undefined,
    });
    reporter.say(
      `restored ${summary.files} files, ${summary.directories} directories; ${summary.errors} errors`,
    );
  };
}

function run(invocation: Invocation, context: Context): Promise<number> {
  return withSnapshot(['catalog', 'shell'], invocation, context, async (snapshot, name) => {
    const archive = await openArchive(snapshot, name);
    const stop = new CommandStop(context.signal);
    const shell = new ArchiveShell({
      ...{ archive, tree: await ArchiveTree.open(archive), signal: () => stop.signal },
      ...{ show: printablePath, describe, restore: restorer(context, archive, stop) },
      print: (text) => writeOut({ ...context, signal: stop.signal }, `${text}\n`),
    });
    context.stderr.write('Starting interactive shell\n');
    const loop = new Loop(context, shell, stop);
    await loop.run();
    return loop.failed && !context.stdin.isTTY ? ExitCode.failed : ExitCode.done;
  });
}

export const catalogShellCommand: CommandSpec = {
  path: ['catalog', 'shell'],
  description: 'Look around in an archive and restore from it, line by line.',
  positionals: [snapshotArgument, archiveArgument],
  options: { ...repositoryOptions, ...lockOptions, ...keyOptions },
  run,
};
