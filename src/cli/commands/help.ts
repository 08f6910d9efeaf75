/** `restat help [COMMAND…]`. */
import type { CommandSpec, Invocation } from '../command.js';
import { optionFlag, positionals } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode } from '../errors.js';
import { commandHelp } from '../help-text.js';
import { takeCommand } from '../take-command.js';

const HEAD = `restat: file-level backup into Proxmox-Backup-format datastores

Usage: restat COMMAND [ARGUMENTS] [OPTIONS]

Commands:`;

/** Commands, a line each. */
export function overview(commands: readonly CommandSpec[]): string {
  const rows = commands.map(({ path, description }) => [path.join(' '), description] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  return [HEAD, ...lines, '', "'restat help COMMAND' tells all about one."].join('\n');
}

/** What is said for the words: all of one command, a line for each of several. Throws UsageError for no command. */
function helpFor(all: readonly CommandSpec[], words: readonly string[], verbose: boolean): string {
  const below = all.filter(({ path }) => words.every((word, i) => path[i] === word));
  if (verbose && below.length > 0) return below.map(commandHelp).join('\n\n\n');
  if (words.length === 0 || below.length > 1) return overview(below);
  return commandHelp(takeCommand(all, words).command);
}

export function helpCommand(all: () => readonly CommandSpec[]): CommandSpec {
  return {
    path: ['help'],
    description: 'Explain a command, or list all of them.',
    positionals: [{ name: 'command', optional: true, array: true, description: 'words of the command' }],
    options: {
      verbose: { type: 'boolean', description: 'explain every command that begins with these words' },
    },
    run(invocation: Invocation, context: Context) {
      const text = helpFor(all(), positionals(invocation, 'command'), optionFlag(invocation, 'verbose'));
      context.stdout.write(`${text}\n`);
      return Promise.resolve(ExitCode.done);
    },
  };
}
