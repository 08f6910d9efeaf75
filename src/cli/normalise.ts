/**
 * Brings a command line in the reference client's grammar (cli.md §1.1) into one canonical form: full command words,
 * `--name=value` for every option, positionals behind `--`.
 */
import type { CommandSpec, OptionSpec } from './command.js';
import { UsageError } from './errors.js';

export interface NormalisedLine {
  readonly command: CommandSpec;
  /** Option name and raw value in order; booleans are 'true' or 'false'. */
  readonly options: readonly (readonly [string, string])[];
  readonly positionals: readonly string[];
}

const TRUE = /^(?:true|yes|on|1)$/i;
const FALSE = /^(?:false|no|off|0)$/i;

/** Words that name commands, with aliases. */
function namesOf(command: CommandSpec): readonly (readonly string[])[] {
  return [command.path, ...(command.aliases ?? [])];
}

function nextWords(commands: readonly CommandSpec[], before: readonly string[]): string[] {
  const words = commands
    .flatMap(namesOf)
    .filter((path) => path.length > before.length && before.every((word, i) => path[i] === word))
    .map((path) => path[before.length]!);
  return [...new Set(words)].sort();
}

function findCommand(commands: readonly CommandSpec[], words: readonly string[]): CommandSpec | undefined {
  return commands.find((command) => namesOf(command).some((path) => path.join(' ') === words.join(' ')));
}

/** The one word that `typed` is, or is a unique prefix of. */
function completeWord(words: readonly string[], typed: string, before: readonly string[]): string {
  if (words.includes(typed)) return typed;
  const matches = words.filter((word) => word.startsWith(typed));
  if (matches.length === 1) return matches[0]!;
  const possible = (matches.length > 0 ? matches : words).join(', ');
  const what = [...before, typed].join(' ');
  const problem = matches.length > 0 ? `command '${what}' is not unique` : `no such command '${what}'`;
  throw new UsageError(`${problem}. Possible commands: ${possible}`, before);
}

/** Reads the command words at the start; returns the command and what follows. */
function takeCommand(
  commands: readonly CommandSpec[],
  argv: readonly string[],
): { command: CommandSpec; rest: readonly string[] } {
  const words: string[] = [];
  for (let at = 0; ; at += 1) {
    const possible = nextWords(commands, words);
    const found = findCommand(commands, words);
    const typed = argv[at];
    if (found !== undefined && (possible.length === 0 || typed === undefined || typed.startsWith('-'))) {
      return { command: found, rest: argv.slice(at) };
    }
    if (typed === undefined) {
      throw new UsageError(`no command specified. Possible commands: ${possible.join(', ')}`, words);
    }
    words.push(completeWord(possible, typed, words));
  }
}

/** True for a word that an option can take as its value. */
function canBeValue(word: string | undefined): word is string {
  return word !== undefined && (word === '-' || !word.startsWith('-'));
}

/** The value of a boolean option and how many of the following words it takes. */
function booleanValue(
  name: string,
  inline: string | undefined,
  next: string | undefined,
  path: readonly string[],
): { value: string; taken: number } {
  const word = inline ?? (canBeValue(next) && (TRUE.test(next) || FALSE.test(next)) ? next : undefined);
  if (word === undefined) return { value: 'true', taken: 0 };
  if (!TRUE.test(word) && !FALSE.test(word))
    throw new UsageError(`--${name}: '${word}' is not a boolean`, path);
  return { value: TRUE.test(word) ? 'true' : 'false', taken: inline === undefined ? 1 : 0 };
}

function optionOf(command: CommandSpec, name: string): OptionSpec {
  const spec = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  if (spec === undefined) throw new UsageError(`unknown option --${name}`, command.path);
  return spec;
}

/** Parses words in the reference client's grammar. Throws UsageError. */
export function normalise(commands: readonly CommandSpec[], argv: readonly string[]): NormalisedLine {
  const { command, rest } = takeCommand(commands, argv);
  const options: [string, string][] = [];
  const positionals: string[] = [];
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at]!;
    if (word === '--') {
      positionals.push(...rest.slice(at + 1));
      break;
    }
    const match = /^--?([^=]+)(?:=([^]*))?$/.exec(word);
    if (word === '-' || match === null) {
      positionals.push(word);
      continue;
    }
    const name = match[1]!;
    const inline = match[2];
    const spec = optionOf(command, name);
    if (spec.array !== true && options.some(([seen]) => seen === name)) {
      throw new UsageError(`--${name}: given twice`, command.path);
    }
    const next = rest[at + 1];
    if (spec.type === 'boolean') {
      const { value, taken } = booleanValue(name, inline, next, command.path);
      options.push([name, value]);
      at += taken;
    } else if (inline !== undefined) {
      options.push([name, inline]);
    } else if (canBeValue(next)) {
      options.push([name, next]);
      at += 1;
    } else {
      throw new UsageError(`--${name}: a value is needed`, command.path);
    }
  }
  return { command, options, positionals };
}
