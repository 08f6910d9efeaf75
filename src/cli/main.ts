/** Entry point: environment, signals, exit codes. */
import { commands } from './commands.js';
import type { Clock, Context } from './context.js';
import { ExitCode, UsageError } from './errors.js';
import { explain, explainJson } from './explain.js';
import { Interruption, stopAtClosedOutput, stopAtSignals } from './interruption.js';
import { type NormalisedLine, normalise } from './normalise.js';
import { parseInvocation } from './parse.js';

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
  if (argv.at(-1) !== '--help' || argv.includes('--')) return argv;
  const words = argv.slice(
    0,
    argv.findIndex((word) => word.startsWith('-')),
  );
  return ['help', ...words];
}

function makeContext(signal: AbortSignal): Context {
  const { env, stdin, stdout, stderr } = process;
  return { env, stdin, stdout, stderr, clock: systemClock(env), signal, root: process.geteuid?.() === 0 };
}

function wantsJson(line: NormalisedLine | undefined): boolean {
  return line?.options.some(([name, value]) => name === 'progress' && value === 'json') ?? false;
}

/** The exit code of a run that did not get to its end; says why. */
function fail(error: unknown, line: NormalisedLine | undefined, { env, signal, stderr }: Context): number {
  const reason = signal.aborted ? signal.reason : error;
  const closed = reason instanceof Interruption && reason.code === 'OUTPUT_CLOSED';
  // Like a program that the broken pipe ends: whoever closed it knows.
  if (closed) return ExitCode.failed;
  if (wantsJson(line)) stderr.write(`${explainJson(reason)}\n`);
  else stderr.write(reason instanceof Interruption ? 'Interrupted.\n' : `${explain(reason, env)}\n`);
  if (reason instanceof Interruption) return ExitCode.interrupted;
  return reason instanceof UsageError ? ExitCode.usage : ExitCode.failed;
}

async function main(): Promise<number> {
  const controller = new AbortController();
  stopAtSignals(process, controller);
  stopAtClosedOutput(process, controller);
  controller.signal.addEventListener('abort', () => {
    // Standard output may close after the command is done and the code is set.
    if (process.exitCode === ExitCode.done) process.exitCode = ExitCode.failed;
  });
  const context = makeContext(controller.signal);
  let line: NormalisedLine | undefined;
  process.on('uncaughtException', (error) => process.exit(fail(error, line, context)));
  try {
    line = normalise(commands, commandWords(process.argv.slice(2)));
    return await line.command.run(parseInvocation(line), context);
  } catch (error) {
    return fail(error, line, context);
  }
}

process.exitCode = await main();
