/** `restat help [COMMAND…]`. */
import type { CommandSpec, Invocation } from '../command.js';
import { positionals } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode } from '../errors.js';
import { normalise } from '../normalise.js';
import { commandHelp } from '../parse.js';

const HEAD = `restat: file-level backup into Proxmox-Backup-format datastores

Usage: restat COMMAND [ARGUMENTS]

Commands:`;

/** All commands, a line each. */
export function overview(commands: readonly CommandSpec[]): string {
  const rows = commands.map(({ path, description }) => [path.join(' '), description] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.sort().map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  return [HEAD, ...lines, '', 'restat help COMMAND tells all about one.'].join('\n');
}

export function helpCommand(all: () => readonly CommandSpec[]): CommandSpec {
  return {
    path: ['help'],
    description: 'Explain a command.',
    positionals: [{ name: 'command', optional: true, array: true, description: 'words of the command' }],
    options: {
      verbose: { type: 'boolean', description: 'explain all commands that begin with these words' },
    },
    async run(invocation: Invocation, context: Context) {
      const words = positionals(invocation, 'command');
      const below = all().filter(({ path }) => words.every((word, i) => path[i] === word));
      if (invocation.options.get('verbose') === true) {
        for (const command of below) context.stdout.write(`${await commandHelp(command)}\n\n`);
      } else if (words.length === 0 || below.length > 1) context.stdout.write(`${overview(below)}\n`);
      else context.stdout.write(`${await commandHelp(normalise(all(), words).command)}\n`);
      return ExitCode.done;
    },
  };
}
