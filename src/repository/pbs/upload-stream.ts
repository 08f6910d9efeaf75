/** The chunks of one archive on their way to the server, several at once. protocol.md §5.3, §5.5. */
import { native } from '../../native.js';
import type { NativeServerDigests, NativeUploadSink } from '../../native-chunk.js';
import type { H2Session } from './h2-session.js';

/** Chunks that are sent at one time. */
const IN_FLIGHT = 16;
/** Encoded bytes that wait or are on their way. */
const LIMIT = 24 * 1024 * 1024;

export class UploadStream {
  readonly sink: NativeUploadSink;
  /** The server's number of the archive. */
  readonly writer: number;
  readonly #h2: H2Session;
  readonly #senders: Promise<void>[];
  readonly #onFailure: () => void;
  #failure: Error | undefined;
  #stopped = false;

  /** `onFailure`: nothing of the session can succeed any more. */
  constructor(h2: H2Session, digests: NativeServerDigests, writer: number, onFailure: () => void) {
    this.#h2 = h2;
    this.#onFailure = onFailure;
    this.writer = writer;
    this.sink = new native.UploadSink(digests, LIMIT);
    this.#senders = Array.from({ length: IN_FLIGHT }, () => this.#send());
  }

  /** Why sending ended early. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Waits until the server has everything. Nothing is put into the sink any more. Throws what went wrong. */
  async drain(): Promise<void> {
    this.sink.end();
    await Promise.all(this.#senders);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true;
    this.sink.stop();
  }

  async #send(): Promise<void> {
    try {
      for (;;) {
        const upload = await this.sink.next();
        if (upload === undefined) return;
        const { digest, size, encoded } = upload;
        const query = { digest, 'encoded-size': encoded.byteLength, size, wid: this.writer };
        await this.#h2.upload('dynamic_chunk', query, Buffer.from(encoded));
        this.sink.sent(encoded);
      }
    } catch (error) {
      // What fails after a stop fails because of it.
      if (!this.#stopped) this.#failure = error instanceof Error ? error : new Error(String(error));
      this.stop();
      this.#onFailure();
    }
  }
}
