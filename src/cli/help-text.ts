/** The help of one command, in the reference client's order: usage, description, arguments, options by name (cli.md §1.1). */
import type { CommandSpec, OptionSpec, PositionalSpec } from './command.js';

const WIDTH = 96;
const INDENT = ' '.repeat(6);

function argumentWord({ name, optional, array }: PositionalSpec): string {
  const dots = array ? '…' : '';
  return optional ? `[${name}${dots}]` : `<${name}${dots}>`;
}

function usageLine({ path, positionals }: CommandSpec): string {
  return ['Usage: restat', ...path, ...positionals.map(argumentWord), '[OPTIONS]'].join(' ');
}

/** How the value of an option is written: a choice, its placeholder, or its type. */
function valueWord(spec: OptionSpec): string {
  if (spec.type === 'boolean') return '';
  if (spec.choices !== undefined) return ` ${spec.choices.join('|')}`;
  return ` <${spec.placeholder ?? spec.type.toUpperCase()}>`;
}

function range({ minimum, maximum }: OptionSpec): string {
  if (minimum !== undefined && maximum !== undefined) return ` (${minimum} to ${maximum})`;
  return minimum !== undefined && minimum > 0 ? ` (at least ${minimum})` : '';
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH - INDENT.length) {
      lines.push(INDENT + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, INDENT + line];
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function optionLines(name: string, spec: OptionSpec): string[] {
  const preset = spec.default === undefined ? '' : `   (default=${spec.default})`;
  const repeated = spec.array ? ' Can be given more than once.' : '';
  return [
    ` --${name}${valueWord(spec)}${preset}`,
    ...wrap(sentence(`${spec.description}${range(spec)}`) + repeated),
  ];
}

function optionsPart(command: CommandSpec): string[] {
  const options = Object.entries(command.options).sort(([a], [b]) => (a < b ? -1 : 1));
  if (options.length === 0) return [];
  return ['', 'Options:', ...options.flatMap(([name, spec]) => ['', ...optionLines(name, spec)])];
}

function argumentsPart({ positionals }: CommandSpec): string[] {
  if (positionals.length === 0) return [];
  const rows = positionals.map((spec) => [argumentWord(spec), spec.description] as const);
  const width = Math.max(...rows.map(([word]) => word.length));
  return ['', 'Arguments:', ...rows.map(([word, text]) => ` ${word.padEnd(width)}  ${text}`)];
}

function aliasesPart({ aliases = [] }: CommandSpec): string[] {
  return aliases.length === 0
    ? []
    : ['', `Also: ${aliases.map((path) => `restat ${path.join(' ')}`).join(', ')}`];
}

/** The help text of one command, without a final newline. */
export function commandHelp(command: CommandSpec): string {
  const parts = [argumentsPart(command), optionsPart(command), aliasesPart(command)];
  return [usageLine(command), '', command.description, ...parts.flat()].join('\n');
}
