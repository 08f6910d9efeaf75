/** From a normalised command line to typed values; help texts. Both by yargs, from the command's declaration. */
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
  'strip-aliased': false,
} as const;

function usageLine(command: CommandSpec): string {
  const words = command.positionals.map(({ name, optional, array }) => {
    const dots = array ? '…' : '';
    return optional ? `[${name}${dots}]` : `<${name}${dots}>`;
  });
  return ['restat', ...command.path, ...words, '[options]'].join(' ');
}

function describeOption(spec: OptionSpec): string {
  const parts = [spec.description];
  if (spec.array) parts.push('(may be given several times)');
  if (spec.default !== undefined) parts.push(`(default: ${spec.default})`);
  return parts.join(' ');
}

function build(command: CommandSpec): Argv {
  let parser = yargs()
    .parserConfiguration(PARSER)
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail(false)
    .strict();
  parser = parser.usage(`${usageLine(command)}\n\n${command.description}`).wrap(100);
  for (const [name, spec] of Object.entries(command.options)) {
    parser = parser.option(name, {
      type: spec.type === 'boolean' ? 'boolean' : 'string',
      array: spec.array ?? false,
      nargs: spec.array ? 1 : spec.type === 'boolean' ? 0 : 1,
      requiresArg: spec.type !== 'boolean',
      description: describeOption(spec),
      ...(spec.choices === undefined ? {} : { choices: spec.choices }),
      ...(spec.placeholder === undefined ? {} : { defaultDescription: spec.placeholder }),
    });
  }
  return parser;
}

/** The help text of one command. */
export async function commandHelp(command: CommandSpec): Promise<string> {
  const aliases = (command.aliases ?? []).map((path) => path.join(' '));
  const positionals = command.positionals.map(
    ({ name, description }) => `  ${name.padEnd(14)} ${description}`,
  );
  return [
    await build(command).getHelp(),
    ...(positionals.length > 0 ? ['', 'Arguments:', ...positionals] : []),
    ...(aliases.length > 0 ? ['', `Also: restat ${aliases.join(', restat ')}`] : []),
  ].join('\n');
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

function typed(name: string, text: string, spec: OptionSpec, path: readonly string[]): OptionValue {
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    throw new UsageError(`--${name}: '${text}' is none of ${spec.choices.join(', ')}`, path);
  }
  if (spec.type === 'integer') return integer(name, text, spec, path);
  if (spec.type !== 'bytes') return text;
  const bytes = parseBytes(text);
  if (bytes === undefined)
    throw new UsageError(`--${name}: '${text}' is not a size like 1048576 or 10MiB`, path);
  return bytes;
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
  const canonical = options.map(([name, value]) => `--${name}=${value}`);
  const parsed: Record<string, unknown> = build(command).parseSync(canonical);
  const values = new Map<string, OptionValue>();
  for (const [name, spec] of Object.entries(command.options)) {
    const value = parsed[name];
    if (typeof value === 'boolean') values.set(name, value);
    else if (typeof value === 'string') values.set(name, typed(name, value, spec, command.path));
    else if (Array.isArray(value)) values.set(name, value.map(String));
  }
  return { options: values, positionals: distribute(command.positionals, positionals, command.path) };
}
