/** What happens in a reader session, and its calls. protocol.md §6. */
import type { FileHandle } from 'node:fs/promises';
import { systemCode } from '../../repository/errors.js';
import type { LocalRepository } from '../../repository/local/local-repository.js';
import type { HeldSnapshot } from '../../repository/local/session-receive.js';
import type { Clock } from '../access/clock.js';
import { CallError } from '../http/call-error.js';
import { FILE_NAME } from '../specs.js';
import { classOf } from './backup-base.js';
import { type ChunkClass, KnownChunks } from './known-chunks.js';
import { HEX_DIGEST } from './parameter-kinds.js';
import { listing, type SessionEndpoint, sessionEndpoint } from './session-endpoint.js';
import { REFUSAL_DELAY } from './session-limits.js';
import { closedOnFailure, kindOf, openStoredFile } from './stored-file.js';
import { scanIndex } from './stored-index.js';

export interface ReaderParts {
  readonly repository: LocalRepository;
  readonly held: HeldSnapshot;
  readonly clock: Clock;
  readonly log: (text: string) => void;
}

const SPEED_TEST = Buffer.alloc(1024 * 1024, 'A');
/** Containers of encrypted chunks begin like this. indexes-blobs-chunks.md §1. */
const ENCRYPTED: ReadonlySet<string> = new Set(['7b6785be222d4cf0', 'e6591bbf0bbfd80b']);
const MAGIC_SIZE = 8;

async function classOfFile(file: FileHandle): Promise<ChunkClass> {
  const magic = Buffer.alloc(MAGIC_SIZE);
  await file.read(magic, 0, MAGIC_SIZE, 0);
  return ENCRYPTED.has(magic.toString('hex')) ? 'encrypted' : 'plain';
}

class ReaderCalls {
  readonly #parts: ReaderParts;
  /** Chunks of the indexes that were downloaded. */
  readonly #allowed = new KnownChunks();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  async download(name: string): Promise<FileHandle> {
    const { held, log } = this.#parts;
    const isBlob = kindOf(name) === 'blob';
    const file = await openStoredFile(held.directory, name);
    log(`download '${name}'`);
    return isBlob ? file : closedOnFailure(file, () => this.#allow(file, name));
  }

  async chunk(digest: string): Promise<FileHandle> {
    const { clock, repository } = this.#parts;
    const listed = this.#allowed.get(Buffer.from(digest, 'hex'));
    if (listed === undefined) {
      await clock.pause(REFUSAL_DELAY);
      throw new CallError(401, `download chunk ${digest} not allowed`);
    }
    const file = await repository.openChunk(digest).catch((cause: unknown) => {
      if (systemCode(cause) !== 'ENOENT') throw cause;
      throw new CallError(400, `chunk ${digest} is missing - No such file or directory (os error 2)`, {
        cause,
      });
    });
    return closedOnFailure(file, async () => {
      if ((await classOfFile(file)) !== listed.class)
        throw new CallError(400, `chunk ${digest} is not ${listed.class}, as its archive is`);
    });
  }

  /**
   * An archive's chunks have its class. A chunk of the other class under such a digest is somebody else's: a writer may have listed a
   * digest before its content came.
   */
  async #allow(file: FileHandle, name: string): Promise<void> {
    const manifest = await this.#parts.held.manifest().catch(() => undefined);
    const listed = manifest?.files.find(({ filename }) => filename === name);
    const chunkClass = listed === undefined ? 'plain' : classOf(listed);
    await scanIndex(file, name, ({ digest, size }) =>
      this.#allowed.add(digest, { size, class: chunkClass, own: false }),
    );
  }
}

/** The calls of one session. */
export function readerEndpoints(parts: ReaderParts): readonly SessionEndpoint[] {
  const calls = new ReaderCalls(parts);
  const download = sessionEndpoint({
    ...{ method: 'GET', path: '/download', parametersIn: 'query' },
    parameters: { 'file-name': FILE_NAME },
    run: async ({ 'file-name': name }) => ({ file: await calls.download(name) }),
  });
  const chunk = sessionEndpoint({
    ...{ method: 'GET', path: '/chunk', parametersIn: 'query' },
    parameters: { digest: HEX_DIGEST },
    run: async ({ digest }) => ({ file: await calls.chunk(digest) }),
  });
  const speedtest = sessionEndpoint({
    ...{ method: 'GET', path: '/speedtest', parameters: {}, parametersIn: 'query' },
    run: () => Promise.resolve({ bytes: SPEED_TEST }),
  });
  const endpoints = [download, chunk, speedtest];
  return [listing(endpoints), ...endpoints];
}
