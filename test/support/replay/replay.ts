/**
 * Plays the server's side of a recorded session over real TLS connections, and holds what the client sends against what the
 * reference client sent. What must be equal is the meaning, not the bytes; the rules say what that is.
 */
import { BackupRules, type Uploads } from './backup-rules.js';
import { type BodySource, bytesOfBody, fixtureBodies } from './bodies.js';
import { type Certificate, makeCertificate } from './certificate.js';
import { expectedBackup } from './expected-backup.js';
import { type Http1Reply, textReply } from './messages.js';
import { ReaderRules } from './reader-rules.js';
import { keyOfClient, type RecordedKey } from './recorded-key.js';
import { readableSnapshot, recordedStore } from './recorded-store.js';
import { type ClientRun, type RecordedBody, type RecordedConnection, readSession } from './recording.js';
import { ReplayServer } from './replay-server.js';
import { Report } from './report.js';
import { canonicalRequest, canonicalTarget, recordedRequest } from './request.js';
import { RestRules } from './rest-rules.js';
import type { ReadBody, SessionRules } from './rules.js';
import { type RecordedLogin, recordedLogin } from './session-login.js';
import { isUpgrade, UpgradeRules } from './upgrade-rules.js';

/** A plain request that the reference client did not make, and its answer; it may come any number of times. */
export interface FurtherRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly status: number;
  readonly text: string;
}

export interface ReplayOptions {
  /** `exact` is the default. */
  readonly uploads?: Uploads;
  /** Requests that must come at least once although they are free: `GET /previous?archive-name=index.json.blob`. */
  readonly demand?: readonly string[];
  readonly further?: readonly FurtherRequest[];
  /** Asked for recorded bodies before the fixtures are. */
  readonly bodies?: readonly BodySource[];
  /** One for several replays, so that a client keeps its fingerprint. */
  readonly certificate?: Certificate;
}

/** A replay that is waiting for its client. */
export interface Replay extends RecordedLogin {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly fingerprint: string;
  /** The server string for `--repository`. */
  readonly repository: string;
  /** How the reference client was called; undefined where the requests were made by hand. */
  readonly client: ClientRun | undefined;
  /** Differences so far. */
  readonly problems: readonly string[];
  /** Stops the server. All differences and what never came, as sentences; empty when the client held to the recording. */
  finish(): Promise<string[]>;
}

/** The same rules, which note what was asked for. */
function noting(rules: SessionRules, asked: Set<string>): SessionRules {
  return {
    answer: (call) => {
      asked.add(canonicalRequest(call.request));
      return rules.answer(call);
    },
    missing: () => rules.missing(),
  };
}

/** Makes the rules for each connection. */
function rulesFactory(
  report: Report,
  readBody: ReadBody,
  uploads: Uploads,
  key: RecordedKey | undefined,
): (connection: RecordedConnection) => SessionRules {
  const store = recordedStore();
  return (connection) => {
    const snapshot = readableSnapshot(connection);
    const file = (name: string): RecordedBody | undefined =>
      snapshot === undefined ? undefined : store.file(snapshot, name);
    const chunk = (digest: string): RecordedBody | undefined => store.chunk(digest);
    const upgrade = connection.http1.at(-1);
    if (upgrade !== undefined && recordedRequest(upgrade).path.endsWith('/reader')) {
      return new ReaderRules({ streams: connection.streams, report, readBody, file, chunk });
    }
    const expected = expectedBackup(connection.streams);
    return new BackupRules({ expected, uploads, report, readBody, key, baseFile: file, chunk });
  };
}

/** Starts the server for one session of a recording (`backup-data.jsonl`, `backup-data`). */
export async function startReplay(
  recordingFile: string,
  sessionName: string,
  options: ReplayOptions = {},
): Promise<Replay> {
  const session = readSession(recordingFile, sessionName);
  const report = new Report();
  const sources = [...(options.bodies ?? []), fixtureBodies];
  const readBody: ReadBody = (body) => bytesOfBody(body, sources);
  const rest = new RestRules(
    session.connections.flatMap(({ http1 }) => http1.filter((each) => !isUpgrade(each))),
    report,
  );
  const upgrades = new UpgradeRules(session.connections, report);
  const asked = new Set<string>();
  const opened: SessionRules[] = [];
  const makeRules = rulesFactory(report, readBody, options.uploads ?? 'exact', keyOfClient(session.client));
  const further = new Map(
    (options.further ?? []).map(({ method, target, status, text }): [string, Http1Reply] => [
      canonicalTarget(`${method} ${target}`),
      textReply(status, text),
    ]),
  );
  const certificate = options.certificate ?? (await makeCertificate());
  const server = new ReplayServer(certificate, {
    rest,
    upgrades,
    report,
    readBody,
    further: (request) => {
      const name = canonicalRequest(request);
      asked.add(name);
      return further.get(name);
    },
    rulesOf: (connection) => {
      const rules = makeRules(connection);
      opened.push(rules);
      return noting(rules, asked);
    },
  });
  const login = recordedLogin(session);
  const port = await server.listen();
  return {
    ...login,
    port,
    fingerprint: certificate.fingerprint,
    repository: `${login.authId}@127.0.0.1:${port}:${login.store}`,
    client: session.client,
    problems: report.sentences,
    async finish() {
      await server.close();
      const demanded = (options.demand ?? []).filter((text) => !asked.has(canonicalTarget(text)));
      return [
        ...report.sentences,
        ...[rest, upgrades, ...opened].flatMap((rules) => rules.missing()),
        ...demanded.map((text) => `${text} never came`),
      ];
    },
  };
}
