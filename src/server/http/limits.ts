/** What one client, or all of them, may take of a server. */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;

/** Times in milliseconds, sizes in bytes. */
export interface Limits {
  /** Open connections, in all and from one address (of IPv6, one /64). */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Calls that run or wait for their body: in all, of one user or token, on one connection. */
  readonly calls: number;
  readonly callsPerCaller: number;
  readonly callsPerConnection: number;
  /** The same for calls without a login: in all, and from one address (of IPv6, one /64). */
  readonly openCalls: number;
  readonly openCallsPerAddress: number;
  /** Sessions from the upgrade to their end: in all, and of a user with all tokens. */
  readonly sessions: number;
  readonly sessionsPerUser: number;
  /** Bodies of all calls that are in memory, a quarter of it of one user; and in addition those of calls without a login. */
  readonly bodyBytes: number;
  readonly openBodyBytes: number;
  /** From the connection to the end of the TLS handshake. */
  readonly handshakeTimeout: number;
  /** From the connection, or the first byte of a request, to the end of its head. */
  readonly headersTimeout: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeout: number;
  /** Between two parts of a body, and for what is left of it after the answer. */
  readonly bodySilence: number;
  /** For the whole body of who is not known yet. */
  readonly strangerTimeout: number;
  /** Without progress while an answer is taken. */
  readonly replySilence: number;
  /** For the answer to an upgrade that is refused to be taken. */
  readonly refusalPatience: number;
  /** Between two requests. */
  readonly idleTimeout: number;
  /** How often the time-outs of requests are looked at. */
  readonly checkInterval: number;
}

export const DEFAULT_LIMITS: Limits = {
  connections: 512,
  connectionsPerAddress: 128,
  calls: 64,
  callsPerCaller: 32,
  callsPerConnection: 4,
  openCalls: 64,
  openCallsPerAddress: 32,
  sessions: 64,
  sessionsPerUser: 16,
  bodyBytes: 64 * MIB,
  openBodyBytes: 512 * KIB,
  handshakeTimeout: 10 * SECOND,
  headersTimeout: 15 * SECOND,
  requestTimeout: 300 * SECOND,
  bodySilence: 20 * SECOND,
  strangerTimeout: 10 * SECOND,
  replySilence: 60 * SECOND,
  refusalPatience: 5 * SECOND,
  idleTimeout: 120 * SECOND,
  checkInterval: 5 * SECOND,
};

/** A body of parameters is shorter than this. rest-api.md §1.1. */
export const PARAMETER_BODY = 512 * KIB;
/** The same for who is not known yet. */
export const STRANGER_BODY = 64 * KIB;
/** Longest path with its query, in bytes. */
export const TARGET = 3072;
/** Longest head of a request. */
export const HEAD = 16 * KIB;
