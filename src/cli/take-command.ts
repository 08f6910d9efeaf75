/** Which command a line is about: full words, unique prefixes and aliases (cli.md §1.1). */
import type { CommandSpec } from './command.js';
import { UsageError } from './errors.js';

function begins(path: readonly string[], words: readonly string[]): boolean {
  return path.length > words.length && words.every((word, i) => path[i] === word);
}

/** Words that may follow `before`, sorted. Aliases are not offered: `snap` shall stay short for `snapshot`. */
function nextWords(commands: readonly CommandSpec[], before: readonly string[]): string[] {
  const words = commands.filter(({ path }) => begins(path, before)).map(({ path }) => path[before.length]!);
  return [...new Set(words)].sort();
}

function isAlias(commands: readonly CommandSpec[], before: readonly string[], word: string): boolean {
  return commands.some(({ aliases = [] }) =>
    aliases.some((path) => begins(path, before) && path[before.length] === word),
  );
}

function findCommand(commands: readonly CommandSpec[], words: readonly string[]): CommandSpec | undefined {
  const text = words.join(' ');
  return commands.find(({ path, aliases = [] }) =>
    [path, ...aliases].some((name) => name.join(' ') === text),
  );
}

/** The one word that `typed` is, or is a unique prefix of. */
function completeWord(words: readonly string[], typed: string, before: readonly string[]): string {
  if (words.includes(typed)) return typed;
  const matches = typed === '' ? [] : words.filter((word) => word.startsWith(typed));
  if (matches.length === 1) return matches[0]!;
  const possible = (matches.length > 0 ? matches : words).join(', ');
  const what = [...before, typed].join(' ');
  const problem = matches.length > 0 ? `command '${what}' is not unique` : `no such command '${what}'`;
  throw new UsageError(`${problem}\nPossible commands: ${possible}`, before);
}

export interface TakenCommand {
  readonly command: CommandSpec;
  /** What follows the command's words. */
  readonly rest: readonly string[];
}

/** Reads the command words at the start of a line. Throws UsageError. */
export function takeCommand(commands: readonly CommandSpec[], argv: readonly string[]): TakenCommand {
  const words: string[] = [];
  for (let at = 0; ; at += 1) {
    const possible = nextWords(commands, words);
    const found = findCommand(commands, words);
    const typed = argv[at];
    // `serve` is a command, and others begin with it: what follows then is an option.
    const whole = possible.length === 0 || typed === undefined || typed.startsWith('-');
    if (found !== undefined && whole) return { command: found, rest: argv.slice(at) };
    if (typed === undefined) {
      throw new UsageError(`no command specified\nPossible commands: ${possible.join(', ')}`, words);
    }
    words.push(isAlias(commands, words, typed) ? typed : completeWord(possible, typed, words));
  }
}
