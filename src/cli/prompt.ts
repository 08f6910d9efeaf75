/** Questions to a person at the terminal, on standard error. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Context } from './context.js';

type Terminal = Pick<Context, 'stdin' | 'stderr' | 'signal'>;

/** True where somebody can answer. */
export function canAsk({ stdin }: Terminal): boolean {
  return stdin.isTTY;
}

async function readLine({ stdin, signal }: Terminal, output: Writable, question: string): Promise<string> {
  const lines = createInterface({ input: stdin, output, terminal: true });
  // In raw mode ^C is a key like any other.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const ended = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new Error('nothing was entered')));
  });
  try {
    return await Promise.race([lines.question(question, { signal }), ended]);
  } finally {
    ended.catch(() => undefined);
    lines.close();
  }
}

/** Asks for a line that is not shown while it is typed. Rejects at the end of input and when interrupted. */
export async function askSecret(terminal: Terminal, question: string): Promise<string> {
  terminal.stderr.write(question);
  const nowhere = new Writable({ write: (_part, _encoding, done) => done() });
  try {
    return await readLine(terminal, nowhere, '');
  } finally {
    terminal.stderr.write('\n');
  }
}

/** Asks until the answer is y or n. Rejects at the end of input and when interrupted. */
export async function askYesNo(terminal: Terminal, question: string): Promise<boolean> {
  for (;;) {
    const answer = (await readLine(terminal, terminal.stderr, `${question} (y/n): `)).trim().toLowerCase();
    if (answer === 'y' || answer === 'n') return answer === 'y';
  }
}
