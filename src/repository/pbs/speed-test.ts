/** How fast a server takes data. protocol.md §5.9. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { SpeedTestOptions, UploadSpeed } from '../repository.js';
import type { H2Session } from './h2-session.js';

const BODY = 4 * 1024 * 1024;
/** Bodies under way at one time, as in a backup. */
const IN_FLIGHT = 16;

/** Sends random bodies through a benchmark session. Throws ServerError, or the signal's reason. */
export async function uploadSpeed(
  h2: H2Session,
  { seconds, now, signal }: SpeedTestOptions,
): Promise<UploadSpeed> {
  const body = randomBytes(BODY);
  const start = now();
  const idle = performance.eventLoopUtilization();
  let bytes = 0;
  const send = async (): Promise<void> => {
    do {
      signal.throwIfAborted();
      await h2.upload('speedtest', {}, body);
      bytes += BODY;
    } while (now() - start < seconds);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, send));
  const busy = performance.eventLoopUtilization(idle).active / 1000;
  return { bytesPerSecond: bytes / (now() - start), busyPerGiB: busy / (bytes / 2 ** 30) };
}
