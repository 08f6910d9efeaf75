/** Questions to a person at the terminal, on standard error. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Context } from './context.js';

type Terminal = Pick<Context, 'stdin' | 'stderr' | 'signal'>;

/** True where somebody can answer. */
export function canAsk({ stdin }: Terminal): boolean {
  return stdin.isTTY;
}

interface Question {
  readonly text: string;
  /** Show what is typed. */
  readonly echo: boolean;
}

async function readLine({ stdin, stderr, signal }: Terminal, { text, echo }: Question): Promise<string> {
  const nowhere = new Writable({ write: (_part, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: echo ? stderr : nowhere, terminal: true });
  // The terminal itself shows nothing from here on.
  if (!echo) stderr.write(text);
  // In raw mode ^C is a key like any other.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const ended = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new Error('nothing was entered')));
  });
  try {
    return await Promise.race([lines.question(echo ? text : '', { signal }), ended]);
  } finally {
    lines.close();
    if (!echo) stderr.write('\n');
  }
}

/** Asks for a line that is not shown while it is typed. Rejects at the end of input and when interrupted. */
export function askSecret(terminal: Terminal, question: string): Promise<string> {
  return readLine(terminal, { text: question, echo: false });
}

/** Asks until the answer is y or n. Rejects at the end of input and when interrupted. */
export async function askYesNo(terminal: Terminal, question: string): Promise<boolean> {
  for (;;) {
    const answer = await readLine(terminal, { text: `${question} (y/n): `, echo: true });
    const letter = answer.trim().toLowerCase();
    if (letter === 'y' || letter === 'n') return letter === 'y';
  }
}
