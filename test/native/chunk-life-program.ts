/** Run by chunk-life.test.ts: ends a process or a thread while the engine works. Exit code 7 means that all went well. */
import { randomBytes } from 'node:crypto';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { native } from '../../src/native.js';
import { ChunkDirectory } from '../support/chunk-store.js';

const PIECES = 40;
const WELL = 7;

/** Starts a stream with work for a while; nobody keeps the stream. */
function begin(path: string): Promise<void>[] {
  const store = new ChunkDirectory(path).open();
  const stream = new native.Ingest({ store, averageSize: 65536, payload: true });
  return Array.from({ length: PIECES }, () => stream.write(randomBytes(1_000_000)));
}

async function exit(path: string): Promise<never> {
  await begin(path)[0];
  process.exit(WELL);
}

async function terminate(path: string): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: path });
  await new Promise((resolve) => worker.once('message', resolve));
  await worker.terminate();
  process.exitCode = WELL;
}

async function collect(path: string): Promise<void> {
  const waiting = begin(path);
  globalThis.gc?.();
  await Promise.all(waiting);
  globalThis.gc?.();
  process.exitCode = WELL;
}

async function main(mode: string | undefined, path: string): Promise<void> {
  if (mode === 'exit') await exit(path);
  if (mode === 'terminate') await terminate(path);
  if (mode === 'collect') await collect(path);
}

if (isMainThread) {
  await main(process.argv[2], process.argv[3] ?? '');
} else {
  await begin(String(workerData))[0];
  parentPort?.postMessage('working');
}
