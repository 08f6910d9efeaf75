/** Entry point: environment, signals, exit codes. One line a command. */

import type { CommandSpec } from './command.js';
import { backupCommand } from './commands/backup.js';
import { catalogCommands } from './commands/catalog.js';
import { datastoreCommands } from './commands/datastore.js';
import { helpCommand } from './commands/help.js';
import { listCommand } from './commands/list.js';
import { restoreCommand } from './commands/restore.js';
import { snapshotCommands } from './commands/snapshot.js';
import { versionCommand } from './commands/version.js';
import type { Clock, Context } from './context.js';
import { ExitCode, UsageError } from './errors.js';
import { explain } from './explain.js';
import { normalise } from './normalise.js';
import { parseInvocation } from './parse.js';

const commands: readonly CommandSpec[] = [
  backupCommand,
  ...catalogCommands,
  ...datastoreCommands,
  helpCommand(() => commands),
  listCommand,
  restoreCommand,
  ...snapshotCommands,
  versionCommand,
];

/** Seconds added to every reading of the clock, for tests. */
function clockOffset(env: NodeJS.ProcessEnv): number {
  const offset = Number(env['RESTAT_CLOCK_OFFSET'] ?? '0');
  return Number.isSafeInteger(offset) ? offset : 0;
}

function systemClock(env: NodeJS.ProcessEnv): Clock {
  const offset = clockOffset(env);
  return () => {
    const ms = Date.now();
    return { seconds: Math.floor(ms / 1000) + offset, nanoseconds: (ms % 1000) * 1_000_000 };
  };
}

/** `--help` and `--version` are what everybody types first. */
function commandWords(argv: readonly string[]): readonly string[] {
  const [first] = argv;
  if (first === '--version' || first === '-V') return ['version'];
  if (first === '--help' || first === '-h') return ['help'];
  const last = argv.at(-1);
  return last === '--help' && !argv.includes('--')
    ? ['help', ...argv.slice(0, -1).filter((w) => !w.startsWith('-'))]
    : argv;
}

async function main(): Promise<number> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const { env, stdout, stderr } = process;
  const context: Context = {
    env,
    stdout,
    stderr,
    clock: systemClock(env),
    signal: controller.signal,
    root: process.geteuid?.() === 0,
  };
  try {
    const line = normalise(commands, commandWords(process.argv.slice(2)));
    return await line.command.run(parseInvocation(line), context);
  } catch (error) {
    if (controller.signal.aborted) {
      stderr.write('Interrupted.\n');
      return ExitCode.interrupted;
    }
    stderr.write(`${explain(error, env)}\n`);
    return error instanceof UsageError ? ExitCode.usage : ExitCode.failed;
  }
}

process.exitCode = await main();
