/** Parameters that many calls have, and the names that they make. rest-api.md §1.1, §3.1. */
import {
  backupTime,
  type GroupName,
  type Namespace,
  parseBackupId,
  parseBackupType,
  parseNamespace,
  type SnapshotName,
} from '../snapshot/names.js';
import type { ParameterSpec, ParameterSpecs } from './http/parameters.js';

const SAFE_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** Up to seven names joined by `/`; empty for the root. */
const NAMESPACE = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,6})?$/;
/** 9999-12-31T23:59:59Z */
const MAX_TIME = 253_402_300_799;

export const FLAG = { kind: 'boolean', optional: true } as const satisfies ParameterSpec;
/** Where it must be said. */
export const NAMED_NS = { kind: 'text', pattern: NAMESPACE, max: 256 } as const satisfies ParameterSpec;
export const NS = { ...NAMED_NS, optional: true } as const satisfies ParameterSpec;
/** One level of a namespace that is to be made. */
export const LEVEL = { kind: 'text', pattern: SAFE_ID, min: 1, max: 32 } as const satisfies ParameterSpec;
export const DEPTH = { kind: 'integer', min: 0, max: 7, optional: true } as const satisfies ParameterSpec;
/** A file of a snapshot. */
export const FILE_NAME = { kind: 'text', pattern: SAFE_ID, max: 255 } as const satisfies ParameterSpec;
export const TEXT = { kind: 'text' } as const satisfies ParameterSpec;
export const OPTIONAL_TEXT = { kind: 'text', optional: true } as const satisfies ParameterSpec;

/** Of the path. */
export const STORE = {
  store: { kind: 'text', pattern: SAFE_ID, min: 3, max: 32 },
} as const satisfies ParameterSpecs;
const TYPE = { kind: 'text', choices: ['vm', 'ct', 'host'] } as const satisfies ParameterSpec;
const ID = { kind: 'text', pattern: SAFE_ID, max: 255 } as const satisfies ParameterSpec;
const TIME = { kind: 'integer', min: 1, max: MAX_TIME } as const satisfies ParameterSpec;

export const GROUP = {
  ...STORE,
  ns: NS,
  'backup-type': TYPE,
  'backup-id': ID,
} as const satisfies ParameterSpecs;
export const SNAPSHOT = { ...GROUP, 'backup-time': TIME } as const satisfies ParameterSpecs;
/** Of calls that can be about less than a snapshot. */
export const SELECTION = {
  ...STORE,
  ns: NS,
  'backup-type': { ...TYPE, optional: true },
  'backup-id': { ...ID, optional: true },
} as const satisfies ParameterSpecs;
export const OPTIONAL_TIME = { ...TIME, optional: true } as const satisfies ParameterSpec;

export interface GroupValues {
  readonly 'backup-type': string;
  readonly 'backup-id': string;
}

export interface SnapshotValues extends GroupValues {
  readonly 'backup-time': number;
}

/** The root where none is given. */
export function namespaceOf(text: string | undefined): Namespace {
  return parseNamespace(text ?? '');
}

/** The namespace above; the root's is the root. */
export function parentOf(namespace: string): string {
  return namespace.slice(0, Math.max(0, namespace.lastIndexOf('/')));
}

export function groupOf(values: GroupValues): GroupName {
  return { type: parseBackupType(values['backup-type']), id: parseBackupId(values['backup-id']) };
}

export function snapshotOf(values: SnapshotValues): SnapshotName {
  return { ...groupOf(values), time: backupTime(values['backup-time']) };
}

/** A group by the names of the API. */
export function groupFields({ type, id }: GroupName): GroupValues {
  return { 'backup-type': type, 'backup-id': id };
}

/** A snapshot by the names of the API. */
export function snapshotFields(snapshot: SnapshotName): SnapshotValues {
  return { ...groupFields(snapshot), 'backup-time': snapshot.time };
}
