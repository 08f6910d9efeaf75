/** From a normalised command line to typed values, by yargs from the command's declaration. */
import yargs, { type Argv } from 'yargs';
import type { CommandSpec, Invocation, OptionSpec, OptionValue, PositionalSpec } from './command.js';
import { UsageError } from './errors.js';
import type { NormalisedLine } from './normalise.js';
import { parseBytes } from './output/human.js';

const PARSER = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'short-option-groups': false,
} as const;

/** Stands before each value: the parser takes quotes off a value that begins and ends with them, which are part of it. */
const GUARD = '=';

function unguard(value: string | readonly string[]): string | readonly string[] {
  return typeof value === 'string' ? value.slice(GUARD.length) : value.map((v) => v.slice(GUARD.length));
}

function parserFor(command: CommandSpec): Argv {
  let parser = yargs().parserConfiguration(PARSER).help(false).version(false).exitProcess(false).fail(false);
  for (const [name, spec] of Object.entries(command.options)) {
    parser =
      spec.type === 'boolean'
        ? parser.option(name, { type: 'boolean' })
        : parser.option(name, { type: 'string', array: spec.array ?? false, nargs: 1, coerce: unguard });
  }
  return parser.strict();
}

function integer(name: string, text: string, spec: OptionSpec, path: readonly string[]): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = spec;
  if (!(value >= minimum && value <= maximum)) {
    const range = spec.maximum === undefined ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw new UsageError(`--${name}: '${text}' is not an integer ${range}`, path);
  }
  return value;
}

function choice(name: string, text: string, spec: OptionSpec, path: readonly string[]): void {
  if (spec.choices === undefined || spec.choices.includes(text)) return;
  throw new UsageError(`--${name}: '${text}' is none of ${spec.choices.join(', ')}`, path);
}

function typed(name: string, text: string, spec: OptionSpec, path: readonly string[]): OptionValue {
  choice(name, text, spec, path);
  if (spec.type === 'integer') return integer(name, text, spec, path);
  if (spec.type !== 'bytes') return text;
  const bytes = parseBytes(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError(`--${name}: '${text}' is not a size like 1048576 or 10MiB`, path);
}

function distribute(
  specs: readonly PositionalSpec[],
  words: readonly string[],
  path: readonly string[],
): Map<string, readonly string[]> {
  const values = new Map<string, readonly string[]>();
  let rest = words;
  for (const { name, optional, array } of specs) {
    if (rest.length === 0 && optional === undefined)
      throw new UsageError(`'${name}': missing argument`, path);
    const taken = array ? rest : rest.slice(0, 1);
    if (taken.length > 0) values.set(name, taken);
    rest = rest.slice(taken.length);
  }
  if (rest.length > 0) throw new UsageError(`got additional arguments: ${JSON.stringify(rest)}`, path);
  return values;
}

/** Types and checks the values of a command line. Throws UsageError. */
export function parseInvocation({ command, options, positionals }: NormalisedLine): Invocation {
  const words = options.map(([name, value]) => {
    const guard = command.options[name]?.type === 'boolean' ? '' : GUARD;
    return `--${name}=${guard}${value}`;
  });
  const parsed: Record<string, unknown> = parserFor(command).parseSync(words);
  const values = new Map<string, OptionValue>();
  for (const [name, spec] of Object.entries(command.options)) {
    const value = parsed[name];
    if (typeof value === 'boolean') values.set(name, value);
    else if (typeof value === 'string') values.set(name, typed(name, value, spec, command.path));
    else if (Array.isArray(value)) values.set(name, value.map(String));
  }
  return { options: values, positionals: distribute(command.positionals, positionals, command.path) };
}
