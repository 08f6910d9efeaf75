/** Fingerprints of server certificates, and which of them are accepted. protocol.md §1.4, §2.1. */
import { readText, replaceText } from './client-file.js';
import { ServerError } from './server-error.js';

/** 32 bytes in lower-case hex, separated by colons. */
const FINGERPRINT = /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/;

/** The colon form in lower case; undefined for anything else. */
export function normaliseFingerprint(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  return FINGERPRINT.test(lower) ? lower : undefined;
}

/** Lines of two words, as the file has them: a host and its fingerprint. */
function parseLines(text: string): [string, string][] {
  return text.split('\n').flatMap((line): [string, string][] => {
    const [host, fingerprint, ...more] = line.trim().split(/\s+/);
    return host && fingerprint && more.length === 0 ? [[host, fingerprint]] : [];
  });
}

/** The file in which the reference client keeps accepted fingerprints, by host without port. */
export class FingerprintCache {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What was accepted for a host. A file that cannot be read has nothing. */
  async find(host: string): Promise<string | undefined> {
    const lines = parseLines(await readText(this.#path).catch(() => ''));
    const found = lines.find(([name]) => name === host)?.[1];
    return found === undefined ? undefined : normaliseFingerprint(found);
  }

  /** Keeps a fingerprint instead of what was there for the host. Throws system errors. */
  async keep(host: string, fingerprint: string): Promise<void> {
    const others = parseLines(await readText(this.#path)).filter(([name]) => name !== host);
    const lines = [...others, [host, fingerprint]].map((words) => `${words.join(' ')}\n`);
    await replaceText(this.#path, lines.join(''));
  }
}

/** Decides on a certificate that no authority vouches for. Rejects with ServerError `SERVER_CERTIFICATE`. */
export type AcceptCertificate = (fingerprint: string, problem: string) => Promise<void>;

export interface FingerprintPolicy {
  /** As the certificate's messages call the server, and as the cache knows it. */
  readonly host: string;
  /** The only fingerprint that is accepted without a question; the cache is then neither read nor written. */
  readonly pinned: string | undefined;
  readonly cache: FingerprintCache | undefined;
  /** Asks a person; undefined where nobody is there. */
  readonly ask: ((question: CertificateQuestion) => Promise<boolean>) | undefined;
  /** Told what went wrong without harm. */
  readonly warn: (message: string) => void;
}

export interface CertificateQuestion {
  readonly host: string;
  readonly fingerprint: string;
  /** What was accepted or given before. */
  readonly expected: string | undefined;
  /** Why the certificate was not accepted by itself. */
  readonly problem: string;
}

/** A policy that asks once for all connections of a run. protocol.md §2.1, steps 3 to 6. */
export function fingerprintPolicy(policy: FingerprintPolicy): AcceptCertificate {
  const accepted = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();
  return (fingerprint, problem) => {
    const decision = turn.then(async () => {
      if (!accepted.has(fingerprint)) await decide(policy, fingerprint, problem);
      accepted.add(fingerprint);
    });
    turn = decision.catch(() => undefined);
    return decision;
  };
}

async function decide(policy: FingerprintPolicy, fingerprint: string, problem: string): Promise<void> {
  const { host, pinned, cache, ask, warn } = policy;
  const expected = pinned?.trim().toLowerCase() ?? (await cache?.find(host));
  if (fingerprint === expected) return;
  if (!(await ask?.({ host, fingerprint, expected, problem })))
    throw refused(policy, fingerprint, expected, problem);
  if (pinned !== undefined) return;
  await cache?.keep(host, fingerprint).catch((error: unknown) => {
    warn(
      `the fingerprint of ${host} could not be kept: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
}

function refused(
  { host }: FingerprintPolicy,
  fingerprint: string,
  expected: string | undefined,
  problem: string,
): ServerError {
  const why = expected === undefined ? problem : `${problem}, and its fingerprint is not ${expected}`;
  return new ServerError(
    'SERVER_CERTIFICATE',
    `the certificate of ${host} was not accepted: ${why}; its fingerprint is ${fingerprint}`,
  );
}
