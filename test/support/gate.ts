/** Lets files change at an exact point of another process's run; see `gate.py`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../../test/support/gate.py', import.meta.url));

/** What happens when `path` is opened or read for the `nth` time (from 1). */
export type GateRule = { readonly path: string; readonly on: 'open' | 'read'; readonly nth: number } & (
  | { readonly act: 'grow' | 'shrink'; readonly size: number }
  | { readonly act: 'touch' | 'unlink' | 'deny' }
  | { readonly act: 'become'; readonly what: 'dir' | 'fifo' | 'symlink' | 'file' }
  | { readonly act: 'signal'; readonly number: number }
  | { readonly act: 'hold'; readonly until: string }
);

/** Calls `use` while the rules hold. */
export async function withGate<T>(rules: readonly GateRule[], use: () => Promise<T>): Promise<T> {
  const gate = spawn('python3', [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(gate, 'close');
  gate.stdin.write(`${JSON.stringify(rules)}\n`);
  const [first] = await Promise.race([once(gate.stdout, 'data'), ended]);
  if (String(first).trim() !== 'ready') throw new Error('gate.py did not start');
  try {
    return await use();
  } finally {
    gate.stdin.end();
    await ended;
  }
}
