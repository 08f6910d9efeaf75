/** A client made by hand: upgrades, and calls in sessions with any parameters and bodies. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeBlob } from '../../../src/snapshot/blob.js';
import { readAll } from '../../support/replay/messages.js';
import { LAPTOP, type SessionWorld, STORE } from './session-world.js';

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly bytes: Buffer;
}

export type Query = Readonly<Record<string, string | number | readonly string[]>>;

export interface UpgradeOptions {
  readonly kind?: 'backup' | 'reader';
  readonly authId?: string;
  readonly id?: string;
  readonly time?: number;
  /** More parameters. */
  readonly more?: Query;
}

function encoded(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [name, String(each)]),
  );
  return new URLSearchParams(pairs).toString();
}

async function readReply(stream: ClientHttp2Stream): Promise<Reply> {
  const [head] = await once(stream, 'response');
  const bytes = await readAll(stream);
  return { status: Number(head[':status']), text: bytes.toString(), bytes };
}

/** A session that has begun. */
export class TestSession {
  readonly http2: ClientHttp2Session;

  constructor(http2: ClientHttp2Session) {
    this.http2 = http2;
  }

  /** Sends a call; the body is bytes, or parameters as JSON. */
  call(
    method: string,
    path: string,
    query: Query = {},
    body: Buffer | object = Buffer.alloc(0),
  ): Promise<Reply> {
    const isBytes = Buffer.isBuffer(body);
    const bytes = isBytes ? body : Buffer.from(JSON.stringify(body));
    const stream = this.open(method, path, query, isBytes ? {} : { 'content-type': 'application/json' });
    stream.end(bytes);
    return readReply(stream);
  }

  /** Begins a call whose body is not sent yet. */
  open(
    method: string,
    path: string,
    query: Query = {},
    headers: Record<string, string> = {},
  ): ClientHttp2Stream {
    const target = Object.keys(query).length === 0 ? path : `${path}?${encoded(query)}`;
    const stream = this.http2.request(
      { ':method': method, ':path': target, ...headers },
      { endStream: false },
    );
    stream.on('error', () => undefined);
    return stream;
  }

  /** Ends the connection as a client does that dies. */
  async close(): Promise<void> {
    const closed = once(this.http2, 'close');
    this.http2.destroy();
    await closed;
  }
}

/** Asks for a session: that, or the refusal. */
export function upgradeOnce(world: SessionWorld, options: UpgradeOptions): Promise<TestSession | Reply> {
  const { kind = 'backup', authId = LAPTOP, id = 'pc', time = 1_700_000_000, more = {} } = options;
  const query = { store: STORE, 'backup-type': 'host', 'backup-id': id, 'backup-time': time, ...more };
  const protocol = `proxmox-backup-${kind === 'reader' ? 'reader-' : ''}protocol-v1`;
  return new Promise((resolve, reject) => {
    const upgrade = request({
      ...{ host: '127.0.0.1', port: world.port, agent: false, rejectUnauthorized: false },
      path: `/api2/json/${kind}?${encoded(query)}`,
      headers: {
        ...{ connection: 'upgrade', upgrade: protocol },
        authorization: `PBSAPIToken ${authId}:${world.secrets.get(authId)}`,
      },
    });
    upgrade.once('error', reject);
    upgrade.once('upgrade', (_response, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      const http2 = connect('https://localhost:8007', {
        createConnection: () => socket,
        settings: { enablePush: false, initialWindowSize: 2 ** 31 - 2, maxFrameSize: 4 << 20 },
        maxSessionMemory: 1000,
      });
      http2.on('error', () => undefined);
      resolve(new TestSession(http2));
    });
    upgrade.once('response', (message) => {
      readAll(message).then(
        (bytes) => resolve({ status: message.statusCode ?? 0, text: bytes.toString(), bytes }),
        reject,
      );
    });
    upgrade.end();
  });
}

/** The refusal of a session. */
export async function refused(world: SessionWorld, options: UpgradeOptions = {}): Promise<Reply> {
  const result = await upgradeOnce(world, options);
  if (result instanceof TestSession) throw new Error('the session began');
  return result;
}

/** Begins a session; one of the same group that is just ending is waited for. */
export async function begun(world: SessionWorld, options: UpgradeOptions = {}): Promise<TestSession> {
  for (;;) {
    const result = await upgradeOnce(world, options);
    if (result instanceof TestSession) return result;
    if (!result.text.startsWith('unable to acquire backup group lock')) throw new Error(result.text);
    await nextTurn();
  }
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A chunk as it is uploaded. */
export interface TestChunk {
  readonly digest: string;
  readonly size: number;
  readonly encoded: Buffer;
}

export function plainChunk(plain: Buffer): TestChunk {
  return {
    digest: sha256(plain),
    size: plain.length,
    encoded: encodeBlob(plain, 'chunk', { compress: true }),
  };
}

/** What claims to be an encrypted chunk: nobody without the key can tell. */
export function encryptedChunk(digest: string, size: number, fill = 7): TestChunk {
  const magic = Buffer.from('7b6785be222d4cf0', 'hex');
  return { digest, size, encoded: Buffer.concat([magic, Buffer.alloc(4), Buffer.alloc(32 + size, fill)]) };
}

export function upload(
  session: TestSession,
  wid: number,
  chunk: TestChunk,
  kind = 'dynamic',
): Promise<Reply> {
  const { digest, size, encoded: body } = chunk;
  return session.call('POST', `/${kind}_chunk`, { wid, digest, size, 'encoded-size': body.length }, body);
}

export function putBlob(session: TestSession, name: string, blob: Buffer): Promise<Reply> {
  return session.call('POST', '/blob', { 'file-name': name, 'encoded-size': blob.length }, blob);
}

/** The checksum of a dynamic index of these chunks. */
export function dynamicCsum(chunks: readonly TestChunk[]): { csum: string; size: number; offsets: number[] } {
  const hash = createHash('sha256');
  const offsets: number[] = [];
  let size = 0;
  for (const chunk of chunks) {
    offsets.push(size);
    size += chunk.size;
    const end = Buffer.alloc(8);
    end.writeBigUInt64LE(BigInt(size));
    hash.update(end).update(chunk.digest, 'hex');
  }
  return { csum: hash.digest('hex'), size, offsets };
}

export interface ManifestOptions {
  readonly id?: string;
  readonly time?: number;
  readonly cryptMode?: string;
}

/** A manifest that lists one archive. */
export function manifestOf(
  name: string,
  chunks: readonly TestChunk[],
  { id = 'pc', time = 1_700_000_000, cryptMode = 'none' }: ManifestOptions = {},
): Buffer {
  const { csum, size } = dynamicCsum(chunks);
  const files = [{ filename: name, 'crypt-mode': cryptMode, size, csum }];
  const manifest = { 'backup-type': 'host', 'backup-id': id, 'backup-time': time, files, signature: null };
  return encodeBlob(Buffer.from(JSON.stringify({ ...manifest, unprotected: {} })), name, { compress: true });
}

/** Everything of a small backup, one step after the other; what is refused is an error. */
export function backupSteps(
  session: TestSession,
  chunks: readonly TestChunk[],
  options: ManifestOptions = {},
): readonly (() => Promise<Reply>)[] {
  const { csum, size, offsets } = dynamicCsum(chunks);
  const digests = chunks.map(({ digest }) => digest);
  return [
    () => session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' }),
    ...chunks.map((chunk) => () => upload(session, 1, chunk)),
    () =>
      session.call('PUT', '/dynamic_index', {}, { wid: 1, 'digest-list': digests, 'offset-list': offsets }),
    () => session.call('POST', '/dynamic_close', { wid: 1, 'chunk-count': chunks.length, size, csum }),
    () => putBlob(session, 'index.json.blob', manifestOf('a.pxar.didx', chunks, options)),
    () => session.call('POST', '/finish'),
  ];
}

/** A whole backup with its session. Throws where a step is refused. */
export async function backUp(
  world: SessionWorld,
  chunks: readonly TestChunk[],
  options: ManifestOptions & Pick<UpgradeOptions, 'authId'> = {},
): Promise<void> {
  const session = await begun(world, options);
  for (const step of backupSteps(session, chunks, options)) {
    const { status, text } = await step();
    if (status !== 200) throw new Error(text);
  }
  await session.close();
}
