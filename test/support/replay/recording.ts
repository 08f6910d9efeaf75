/** Recorded exchanges of the reference client with a real server: sessions, their connections, requests and replies. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/protocol/', import.meta.url));

/** Path of a file below the recordings. */
export function protocolFixture(name: string): string {
  return `${FIXTURES}${name}`;
}

const length = z.number().int().nonnegative();

/** A body: whole, or only its length and SHA-256 where it was longer than 4096 bytes. */
const recordedBody = z
  .union([
    z.object({ length: z.literal(0) }).strict(),
    z.object({ length, text: z.string() }),
    z.object({ length, hex: z.string() }),
    z.object({ length, sha256: z.string(), first64: z.string() }),
  ])
  .transform((body): RecordedBody => {
    if ('sha256' in body) return { whole: undefined, length: body.length, sha256: body.sha256 };
    const whole = 'hex' in body ? Buffer.from(body.hex, 'hex') : Buffer.from('text' in body ? body.text : '');
    // The recorded length counts the server's real path, which the recorder made shorter in texts.
    return { whole, length: whole.length, sha256: undefined };
  });

export type RecordedBody =
  | { readonly whole: Buffer; readonly length: number; readonly sha256: undefined }
  | { readonly whole: undefined; readonly length: number; readonly sha256: string };

/** Names in lower case. */
export type Header = readonly [name: string, value: string];
const headers = z.array(z.tuple([z.string(), z.string()]));

/** A request and what the server answered. */
export interface Exchange {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body: RecordedBody;
  readonly status: number;
  readonly replyHeaders: readonly Header[];
  /** Empty for 101. */
  readonly reply: RecordedBody;
}

const NOTHING: RecordedBody = { whole: Buffer.alloc(0), length: 0, sha256: undefined };

const http1Exchange = z
  .object({
    request_line: z.string(),
    request_headers: headers,
    request_body: recordedBody,
    status_line: z.string(),
    response_headers: headers,
    response_body: recordedBody.optional(),
  })
  .transform((line): Exchange => {
    const [method, target] = line.request_line.split(' ');
    return {
      method: method!,
      target: target!,
      headers: line.request_headers,
      body: line.request_body,
      status: Number(line.status_line.split(' ')[1]),
      replyHeaders: line.response_headers,
      reply: line.response_body ?? NOTHING,
    };
  });

const http2Exchange = z
  .object({
    method: z.string(),
    path: z.string(),
    request_headers: headers,
    request_body: recordedBody,
    status: z.number().int(),
    response_headers: headers,
    response_body: recordedBody,
  })
  .transform(
    (stream): Exchange => ({
      method: stream.method,
      target: stream.path,
      headers: stream.request_headers,
      body: stream.request_body,
      status: stream.status,
      replyHeaders: stream.response_headers,
      reply: stream.response_body,
    }),
  );

const settings = z.record(z.string(), z.number().int());

const connectionLine = z.object({
  session: z.string(),
  connection: z.number().int(),
  http1: z.array(http1Exchange),
  settings: z.object({ server: z.array(settings) }).optional(),
  streams: z.array(http2Exchange).default([]),
  closed_by: z.enum(['client', 'server']),
});

const clientLine = z.object({
  session: z.string(),
  client: z.object({
    arguments: z.array(z.string()),
    exit: z.number().int(),
    stdout: z.string().default(''),
    stderr: z.array(z.string()),
  }),
});

const line = z.union([connectionLine, clientLine, z.object({ session: z.string(), what: z.string() })]);

/** How the reference client was called, and what it said. */
export type ClientRun = z.infer<typeof clientLine>['client'];

/** One connection: HTTP/1.1, and HTTP/2 if its last exchange was an upgrade. */
export interface RecordedConnection {
  readonly http1: readonly Exchange[];
  /** Parameters of the server's SETTINGS frames by their names in RFC 9113. */
  readonly settings: Readonly<Record<string, number>>;
  readonly streams: readonly Exchange[];
  readonly closedBy: 'client' | 'server';
}

export interface RecordedSession {
  readonly name: string;
  /** Undefined where the requests were made by hand. */
  readonly client: ClientRun | undefined;
  /** In the order in which they were opened. */
  readonly connections: readonly RecordedConnection[];
}

function connectionOf(parsed: z.infer<typeof connectionLine>): RecordedConnection {
  const { http1, streams, closed_by: closedBy } = parsed;
  return { http1, streams, closedBy, settings: Object.assign({}, ...(parsed.settings?.server ?? [])) };
}

/** All sessions of a recording, `backup-data.jsonl` for example. */
export function readRecording(file: string): RecordedSession[] {
  const sessions: { name: string; client: ClientRun | undefined; connections: RecordedConnection[] }[] = [];
  for (const text of readFileSync(protocolFixture(file), 'utf8').trimEnd().split('\n')) {
    const parsed = line.parse(JSON.parse(text));
    if ('connection' in parsed) sessions.at(-1)!.connections.push(connectionOf(parsed));
    else {
      const client = 'client' in parsed ? parsed.client : undefined;
      sessions.push({ name: parsed.session, client, connections: [] });
    }
  }
  return sessions;
}

/** One session of a recording. */
export function readSession(file: string, name: string): RecordedSession {
  const session = readRecording(file).find((each) => each.name === name);
  if (session === undefined) throw new Error(`${file} has no session ${name}`);
  return session;
}
