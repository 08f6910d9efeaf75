/** Why a file's contents are read: a closed list. */
export const Reason = {
  /** Not read: its old payload is referred to again. */
  reused: 0,
  /** Detection mode `data`, or there is no reference. */
  noReference: 1,
  /** The reference has nothing under that name. */
  new: 2,
  /** It has something that is no file with a payload. */
  type: 3,
  /** It has a further name of another file there. */
  hardlink: 4,
  size: 5,
  mtime: 6,
  /** Modified so shortly before the reference was taken that a later change might show the same time. */
  racy: 7,
  /** A modification time within a second of the epoch is no evidence. */
  noMtime: 8,
  /** The reference marks it as changed while it was read. */
  untrusted: 9,
  /** A chunk of its old payload is not in the datastore. */
  chunkMissing: 10,
  /** Its old payload cannot be where the reference says. */
  payload: 11,
  /** Unchanged, but reading it costs less than carrying its old chunks along. */
  padding: 12,
  /** Its ctime is another one, where the reference knows it. */
  ctime: 13,
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];

/** How messages and JSON call a reason, by its number. */
export const REASON_NAMES = [
  'reused',
  'no reference',
  'new',
  'type',
  'hard link',
  'size',
  'mtime',
  'racy',
  'no mtime',
  'untrusted',
  'chunk missing',
  'payload',
  'padding',
  'ctime',
] as const;
