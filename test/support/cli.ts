/** Runs the built command line as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface RunResult {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Seconds by which the program's clock is ahead. */
  readonly clockOffset?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the command: a tracer, or a program that takes privileges away. */
  readonly wrapper?: readonly string[];
  /** Of standard output; UTF-8. */
  readonly encoding?: 'utf8' | 'latin1';
}

/** A run that has been started. */
export interface Running {
  readonly process: ChildProcess;
  readonly result: Promise<RunResult>;
}

const PROGRAM = fileURLToPath(new URL('../../../dist/restat.js', import.meta.url));

function environment({ clockOffset = 0, env = {} }: RunOptions): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return {
    PATH,
    TMPDIR: tmpdir(),
    TZ: 'UTC',
    HOME: '/nonexistent',
    RESTAT_CLOCK_OFFSET: String(clockOffset),
    ...env,
  };
}

/** Starts `restat ARGS…`. */
export function startRestat(args: readonly string[], options: RunOptions = {}): Running {
  const [command, ...words] = [...(options.wrapper ?? []), process.execPath, PROGRAM, ...args];
  const child = spawn(command!, words, { env: environment(options), stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (block: Buffer) => out.push(block));
  child.stderr.on('data', (block: Buffer) => err.push(block));
  const result = new Promise<RunResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({
        code,
        signal,
        stdout: Buffer.concat(out).toString(options.encoding),
        stderr: Buffer.concat(err).toString(),
      }),
    );
  });
  return { process: child, result };
}

/** Runs `restat ARGS…` to its end. */
export function restat(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return startRestat(args, options).result;
}

/** Runs a command that has to succeed; the error carries what it said. */
export async function restatOk(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await restat(args, options);
  if (result.code !== 0) {
    throw new Error(`restat ${args.join(' ')}: ${result.code ?? result.signal}\n${result.stderr}`);
  }
  return result;
}
