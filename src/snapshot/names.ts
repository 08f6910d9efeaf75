/** Names of backup groups, snapshots and namespaces. snapshot-manifest.md §1. They are safe as parts of a path. */
import { NameError } from './errors.js';

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type BackupType = 'vm' | 'ct' | 'host';
/** `[A-Za-z0-9_][A-Za-z0-9._-]*`, at most 255 characters. */
export type BackupId = Branded<string, 'BackupId'>;
/** Whole seconds since the epoch, 1 to the end of the year 9999. */
export type BackupTime = Branded<number, 'BackupTime'>;
/** Components joined by `/`; the root is the empty string. */
export type Namespace = Branded<string, 'Namespace'>;

/** A backup group: all snapshots of one thing. */
export interface GroupName {
  readonly type: BackupType;
  readonly id: BackupId;
}

/** One snapshot of a group. */
export interface SnapshotName extends GroupName {
  readonly time: BackupTime;
}

/** Longest name of a directory or file on Linux, in bytes; safe ids are ASCII. */
const MAX_COMPONENT = 255;
const MAX_NAMESPACE_DEPTH = 7;
const MAX_NAMESPACE_LENGTH = 256;
/** 9999-12-31T23:59:59Z: the directory name has room for four digits of a year. */
const MAX_TIME = 253_402_300_799;
const SAFE_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const TIME_TEXT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** The namespace of a datastore's top. */
export const ROOT_NAMESPACE: Namespace = '' as Namespace;

/** True for names that are one path component without tricks: no leading dot or dash, no slash. */
export function isSafeId(text: string): boolean {
  return text.length <= MAX_COMPONENT && SAFE_ID.test(text);
}

function isBackupType(text: string): text is BackupType {
  return text === 'vm' || text === 'ct' || text === 'host';
}

function isBackupId(text: string): text is BackupId {
  return isSafeId(text);
}

function isBackupTime(seconds: number): seconds is BackupTime {
  return Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= MAX_TIME;
}

/** Throws NameError `NAME_BACKUP_TYPE`. */
export function parseBackupType(text: string): BackupType {
  if (isBackupType(text)) return text;
  throw new NameError('NAME_BACKUP_TYPE', text, 'a backup type is vm, ct or host');
}

/** Throws NameError `NAME_BACKUP_ID`. */
export function parseBackupId(text: string): BackupId {
  if (isBackupId(text)) return text;
  throw new NameError(
    'NAME_BACKUP_ID',
    text,
    'a backup id has letters, digits, dot, dash and underscore, and starts with none of . and -',
  );
}

/** Throws NameError `NAME_BACKUP_TIME` for anything but whole seconds of the years 1970 to 9999. */
export function backupTime(seconds: number): BackupTime {
  if (isBackupTime(seconds)) return seconds;
  throw new NameError(
    'NAME_BACKUP_TIME',
    String(seconds),
    'a backup time is a whole number of seconds from 1 to 253402300799',
  );
}

/** `2023-11-14T22:13:20Z`: UTC, whole seconds. */
export function formatTime(time: BackupTime): string {
  return `${new Date(time * 1000).toISOString().slice(0, 19)}Z`;
}

/** The opposite of `formatTime`; days that no calendar has are refused. Throws NameError `NAME_BACKUP_TIME`. */
export function parseTime(text: string): BackupTime {
  const seconds = TIME_TEXT.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  if (isBackupTime(seconds) && formatTime(seconds) === text) return seconds;
  throw new NameError('NAME_BACKUP_TIME', text, 'a backup time looks like 2023-11-14T22:13:20Z');
}

/** Parses `type/id`. Throws NameError. */
export function parseGroup(text: string): GroupName {
  const [type, id, ...rest] = text.split('/');
  if (type === undefined || id === undefined || rest.length > 0) {
    throw new NameError('NAME_GROUP', text, 'a backup group looks like host/name');
  }
  return { type: parseBackupType(type), id: parseBackupId(id) };
}

/** `type/id`, also the group's directory in its namespace. */
export function formatGroup({ type, id }: GroupName): string {
  return `${type}/${id}`;
}

/** Parses `type/id/time`. Throws NameError. */
export function parseSnapshot(text: string): SnapshotName {
  const [type, id, time, ...rest] = text.split('/');
  if (type === undefined || id === undefined || time === undefined || rest.length > 0) {
    throw new NameError('NAME_SNAPSHOT', text, 'a snapshot looks like host/name/2023-11-14T22:13:20Z');
  }
  return { type: parseBackupType(type), id: parseBackupId(id), time: parseTime(time) };
}

/** `type/id/time`, also the snapshot's directory in its namespace. */
export function formatSnapshot(snapshot: SnapshotName): string {
  return `${formatGroup(snapshot)}/${formatTime(snapshot.time)}`;
}

function isNamespace(text: string): text is Namespace {
  if (text === '') return true;
  const components = text.split('/');
  return (
    text.length <= MAX_NAMESPACE_LENGTH &&
    components.length <= MAX_NAMESPACE_DEPTH &&
    components.every(isSafeId)
  );
}

/** Parses a namespace; the empty text is the root. Throws NameError `NAME_NAMESPACE`. */
export function parseNamespace(text: string): Namespace {
  if (isNamespace(text)) return text;
  throw new NameError(
    'NAME_NAMESPACE',
    text,
    'a namespace has at most 7 names joined by /, 256 characters in all',
  );
}

/** A namespace's directory below the datastore: `ns/a/ns/b`; empty for the root. §2. */
export function namespaceDirectory(namespace: Namespace): string {
  if (namespace === '') return '';
  return namespace
    .split('/')
    .map((component) => `ns/${component}`)
    .join('/');
}
