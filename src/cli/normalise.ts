/**
 * Brings a command line in the reference client's grammar (cli.md §1.1) into one form: the command, its options as names and raw
 * values, its positionals. What the values mean is `parse.ts`'s business.
 */
import type { CommandSpec, OptionSpec } from './command.js';
import { UsageError } from './errors.js';
import { reservedAdvice } from './reserved-options.js';
import { takeCommand } from './take-command.js';

export interface NormalisedLine {
  readonly command: CommandSpec;
  /** Option name and raw value in order; booleans are 'true' or 'false'. */
  readonly options: readonly (readonly [string, string])[];
  readonly positionals: readonly string[];
}

const TRUE = /^(?:true|yes|on|1)$/i;
const FALSE = /^(?:false|no|off|0)$/i;

interface OptionWord {
  readonly name: string;
  /** What follows the equals sign. */
  readonly inline: string | undefined;
}

/** Takes `--name`, `-name`, `--name=value` apart; undefined for a positional, which a lone `-` is. */
function splitOption(word: string): OptionWord | undefined {
  if (word === '-' || !word.startsWith('-')) return undefined;
  const text = word.replace(/^--?/, '');
  const equals = text.indexOf('=');
  return equals < 0
    ? { name: text, inline: undefined }
    : { name: text.slice(0, equals), inline: text.slice(equals + 1) };
}

/** True for a word that an option can take as its value. */
function canBeValue(word: string | undefined): word is string {
  return word !== undefined && (word === '-' || !word.startsWith('-'));
}

/** What a word means as a boolean; undefined for one that is none. */
export function booleanWord(word: string): boolean | undefined {
  if (TRUE.test(word)) return true;
  return FALSE.test(word) ? false : undefined;
}

function isBoolean(word: string): boolean {
  return booleanWord(word) !== undefined;
}

/** The value of an option and how many of the following words it takes. */
interface Value {
  readonly text: string;
  readonly taken: 0 | 1;
}

function booleanValue({ name, inline }: OptionWord, next: string | undefined, command: CommandSpec): Value {
  if (inline !== undefined) {
    if (!isBoolean(inline)) throw new UsageError(`--${name}: '${inline}' is not a boolean`, command.path);
    return { text: String(TRUE.test(inline)), taken: 0 };
  }
  if (next !== undefined && isBoolean(next)) return { text: String(TRUE.test(next)), taken: 1 };
  return { text: 'true', taken: 0 };
}

function plainValue({ name, inline }: OptionWord, next: string | undefined, command: CommandSpec): Value {
  if (inline !== undefined) return { text: inline, taken: 0 };
  if (canBeValue(next)) return { text: next, taken: 1 };
  const hint = next === undefined || next === '--' ? '' : `; one that begins with a dash: --${name}=${next}`;
  throw new UsageError(`--${name}: a value is needed${hint}`, command.path);
}

function optionOf(command: CommandSpec, name: string): OptionSpec {
  const spec = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  if (spec !== undefined) return spec;
  const advice = reservedAdvice(name);
  throw new UsageError(
    advice === undefined ? `unknown option --${name}` : `--${name} ${advice}`,
    command.path,
  );
}

/** Parses words in the reference client's grammar. Throws UsageError. */
export function normalise(commands: readonly CommandSpec[], argv: readonly string[]): NormalisedLine {
  const { command, rest } = takeCommand(commands, argv);
  const options: [string, string][] = [];
  const positionals: string[] = [];
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at]!;
    if (word === '--') return { command, options, positionals: [...positionals, ...rest.slice(at + 1)] };
    const option = splitOption(word);
    if (option === undefined) {
      positionals.push(word);
      continue;
    }
    const spec = optionOf(command, option.name);
    if (spec.array !== true && options.some(([seen]) => seen === option.name)) {
      throw new UsageError(`--${option.name}: given more than once`, command.path);
    }
    const read = spec.type === 'boolean' ? booleanValue : plainValue;
    const { text, taken } = read(option, rest[at + 1], command);
    options.push([option.name, text]);
    at += taken;
  }
  return { command, options, positionals };
}
