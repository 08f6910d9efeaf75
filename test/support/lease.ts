/** A file with a lease on it; see `lease.py`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../../test/support/lease.py', import.meta.url));

/** Calls `use` while another process holds a write lease on the file; returns what that process said. */
export async function withLease(path: string, use: () => Promise<void>): Promise<string> {
  const holder = spawn('python3', [SCRIPT, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: Buffer[] = [];
  holder.stdout.on('data', (block: Buffer) => said.push(block));
  const ended = once(holder, 'close');
  await Promise.race([once(holder.stdout, 'data'), ended]);
  try {
    await use();
  } finally {
    holder.stdin.end();
    await ended;
  }
  return Buffer.concat(said).toString();
}
