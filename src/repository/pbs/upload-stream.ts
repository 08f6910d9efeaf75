/** The chunks of one archive on their way to the server, several at once. protocol.md §5.3, §5.5. */
import { native } from '../../native.js';
import type { NativeServerDigests, NativeUploadSink } from '../../native-chunk.js';
import type { Seal } from '../seal.js';
import type { H2Session } from './h2-session.js';
import type { WriterKind } from './session-calls.js';

/** Chunks that are sent at one time. */
const IN_FLIGHT = 16;
/** Encoded bytes that wait or are on their way. */
const LIMIT = 24 * 1024 * 1024;

/** Where chunks go: a session, and one of its indexes. */
export interface UploadTarget {
  readonly h2: H2Session;
  readonly kind: WriterKind;
  readonly writer: () => Promise<number>;
}

export class UploadStream {
  readonly sink: NativeUploadSink;
  #target: UploadTarget;
  readonly #senders: Promise<void>[];
  readonly #onFailure: () => void;
  #failure: Error | undefined;
  #stopped = false;
  #onSent: (() => void) | undefined;

  /** `onFailure`: nothing of the session can succeed any more. */
  constructor(
    target: UploadTarget,
    { digests, seal }: { readonly digests: NativeServerDigests; readonly seal: Seal },
    onFailure: () => void,
  ) {
    this.#target = target;
    this.#onFailure = onFailure;
    this.sink = new native.UploadSink(digests, LIMIT, seal.encryption?.toNative());
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

  /** Waits until everything that was put into the sink so far has arrived, while nothing more is put. Throws what went wrong. */
  async settle(): Promise<void> {
    while (this.sink.unsent > 0 && !this.#stopped)
      await new Promise<void>((resolve) => {
        this.#onSent = resolve;
      });
    if (this.#stopped) throw this.#failure ?? new Error('the stream was stopped');
  }

  /** Goes on with another session; nothing is on its way. */
  moveTo(target: UploadTarget): void {
    this.#target = target;
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true;
    this.sink.stop();
    this.#onSent?.();
  }

  async #send(): Promise<void> {
    try {
      for (;;) {
        const upload = await this.sink.next();
        if (upload === undefined) return;
        const { digest, size, encoded } = upload;
        const { h2, kind, writer } = this.#target;
        const query = { digest, 'encoded-size': encoded.byteLength, size, wid: await writer() };
        await h2.upload(`${kind}_chunk`, query, Buffer.from(encoded));
        this.sink.sent(encoded);
        this.#onSent?.();
      }
    } catch (error) {
      // What fails after a stop fails because of it.
      if (!this.#stopped) this.#failure = error instanceof Error ? error : new Error(String(error));
      this.stop();
      this.#onFailure();
    }
  }
}
