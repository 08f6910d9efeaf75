/** The commands of the catalog shell: what they are called and what they take. cli.md §4.2. */
import { RestoreError } from '../errors.js';
import type { ArchiveShell } from './shell.js';

interface ShellCommand {
  /** What stands behind the name in help. */
  readonly usage: string;
  readonly description: string;
  /** How many words it takes at least and at most. */
  readonly words: readonly [least: number, most: number];
  readonly flags?: readonly string[];
  /** Options that take a word. */
  readonly options?: readonly string[];
  run(shell: ArchiveShell, line: ShellLine): Promise<void>;
}

/** What was typed behind a command's name. */
interface ShellLine {
  readonly words: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly options: ReadonlyMap<string, string>;
}

const COMMANDS: Readonly<Record<string, ShellCommand>> = {
  cd: {
    ...{ usage: '[PATH]', description: 'go to a directory, or to the root', words: [0, 1] },
    run: (shell, { words }) => shell.cd(words[0]),
  },
  'clear-selected': {
    ...{ usage: '', description: 'select nothing any more', words: [0, 0] },
    run: (shell) => shell.clearSelected(),
  },
  deselect: {
    ...{ usage: 'PATH', description: 'take a path out of the selection', words: [1, 1] },
    run: (shell, { words }) => shell.deselect(words[0]!),
  },
  find: {
    usage: 'PATTERN [--select]',
    description: 'print what matches; --select also selects it',
    words: [1, 1],
    flags: ['select'],
    run: (shell, { words, flags }) => shell.find(words[0]!, flags.has('select')),
  },
  'list-selected': {
    usage: '[--patterns]',
    description: 'print what is selected, or the paths and patterns that select it',
    words: [0, 0],
    flags: ['patterns'],
    run: (shell, { flags }) => shell.listSelected(flags.has('patterns')),
  },
  ls: {
    ...{ usage: '[PATH]', description: 'list a directory', words: [0, 1] },
    run: (shell, { words }) => shell.ls(words[0]),
  },
  pwd: {
    ...{ usage: '', description: 'print the current directory', words: [0, 0] },
    run: (shell) => shell.pwd(),
  },
  restore: {
    usage: 'TARGET [--pattern PATTERN]',
    description: 'restore the archive, or what matches',
    words: [1, 1],
    options: ['pattern'],
    run: (shell, { words, options }) => shell.restore(words[0]!, options.get('pattern')),
  },
  'restore-selected': {
    ...{ usage: 'TARGET', description: 'restore what is selected', words: [1, 1] },
    run: (shell, { words }) => shell.restoreSelected(words[0]!),
  },
  select: {
    ...{ usage: 'PATH', description: 'add a path to the selection', words: [1, 1] },
    run: (shell, { words }) => shell.select(words[0]!),
  },
  stat: {
    ...{ usage: 'PATH', description: 'print size, mode, owner and time of an entry', words: [1, 1] },
    run: (shell, { words }) => shell.stat(words[0]!),
  },
};

function fail(problem: string): RestoreError {
  return new RestoreError('RESTORE_SHELL', problem);
}

/** Names of all commands. */
export const commandNames: readonly string[] = Object.keys(COMMANDS);

/** Runs a command with the words behind its name. Throws RestoreError `RESTORE_SHELL` for what makes no sense, and what it throws. */
export async function runCommand(shell: ArchiveShell, name: string, words: readonly string[]): Promise<void> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw fail(`no such command '${name}'; help lists them`);
  await command.run(shell, parseLine(name, command, words));
}

/** Takes options out of the words of a command. */
function parseLine(name: string, command: ShellCommand, typed: readonly string[]): ShellLine {
  const [words, flags, options]: [string[], Set<string>, Map<string, string>] = [[], new Set(), new Map()];
  for (let at = 0; at < typed.length; at += 1) {
    const word = typed[at]!;
    const option = /^--([a-z]+)$/.exec(word)?.[1];
    if (option === undefined) words.push(word);
    else if (command.flags?.includes(option) === true) flags.add(option);
    else if (command.options?.includes(option) === true) {
      at += 1;
      const value = typed[at];
      if (value === undefined) throw fail(`${word} needs a value`);
      options.set(option, value);
    } else throw fail(`${name} has no option ${word}`);
  }
  const [least, most] = command.words;
  if (words.length < least || words.length > most) throw fail(`usage: ${name} ${command.usage}`.trimEnd());
  return { words, flags, options };
}

/** All commands with what they do, a line each. */
export function helpText(): string {
  const rows = [
    ...Object.entries(COMMANDS).map(([name, { usage, description }]) => [`${name} ${usage}`, description]),
    ['help', 'print this'],
    ['exit', 'end, as the end of input does'],
  ];
  const width = Math.max(...rows.map(([left]) => left!.length));
  return rows.map(([left, right]) => `${left!.padEnd(width)}  ${right}`).join('\n');
}
