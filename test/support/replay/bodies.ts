/** Bytes of recorded bodies, also of those whose recording has only length and SHA-256. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { protocolFixture, type RecordedBody } from './recording.js';

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Finds bodies by their SHA-256; undefined where it does not have one. */
export interface BodySource {
  find(digest: string): Promise<Buffer | undefined>;
}

/** The directory `bodies` of the recordings: a file for each, its name is the SHA-256. */
export const fixtureBodies: BodySource = {
  async find(digest) {
    try {
      return await readFile(protocolFixture(`bodies/${digest}`));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  },
};

/** The bytes of a body, checked. Throws where no source has it. */
export async function bytesOfBody(body: RecordedBody, sources: readonly BodySource[]): Promise<Buffer> {
  if (body.whole !== undefined) return body.whole;
  for (const source of sources) {
    const bytes = await source.find(body.sha256);
    if (bytes === undefined) continue;
    if (bytes.length !== body.length || sha256(bytes) !== body.sha256) {
      throw new Error(`the stored body ${body.sha256} is damaged`);
    }
    return bytes;
  }
  throw new Error(`nobody has the recorded body ${body.sha256} of ${body.length} bytes`);
}
