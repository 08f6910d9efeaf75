/** The one error class of the pxar codecs. */

/** What was wrong; stable, for programs. The specification's section is in the message's source. */
export type PxarErrorCode =
  /** The archive ends inside an item, or an item claims more bytes than there are. */
  | 'PXAR_EOF'
  /** A header whose full size is below 16. */
  | 'PXAR_HEADER'
  /** A content size outside what the item's type allows. */
  | 'PXAR_ITEM_SIZE'
  /** An unknown item, or a known one where it must not stand. */
  | 'PXAR_ITEM'
  /** An attribute that may stand once stands twice. */
  | 'PXAR_DUPLICATE_ITEM'
  /** An unknown format version, or a version item that is not the first. */
  | 'PXAR_VERSION'
  /** A file name that is empty, too long, `.`, `..`, or has a slash or NUL, or no NUL at its end. */
  | 'PXAR_NAME'
  /** Two entries of one directory have the same name. */
  | 'PXAR_DUPLICATE_NAME'
  /** Names given to the encoder out of order. */
  | 'PXAR_ORDER'
  /** A mode with unknown bits, or one that does not fit the item behind it. */
  | 'PXAR_MODE'
  /** Nanoseconds out of range, or a time that a number cannot hold. */
  | 'PXAR_TIME'
  /** An extended attribute without NUL behind its name. */
  | 'PXAR_XATTR'
  /** A permission word with unknown bits. */
  | 'PXAR_ACL'
  /** A symbolic link whose target is empty, too long or without its NUL. */
  | 'PXAR_SYMLINK'
  /** A hard link that does not lead to an earlier regular file, or whose path names another one. */
  | 'PXAR_HARDLINK'
  /** A payload reference outside the payload archive, out of order, or a payload header that is not the one referred to. */
  | 'PXAR_PAYLOAD'
  /** An APPENDIX item or closing table that does not describe the archive, or a reference to content outside the appendix. */
  | 'PXAR_APPENDIX'
  /** A goodbye table that does not describe the directory before it. */
  | 'PXAR_GOODBYE'
  /** A number above 2^53 - 1 where a position, size or id is expected. */
  | 'PXAR_RANGE'
  /** Longer or deeper than restat's own bounds. */
  | 'PXAR_LIMIT'
  /** The encoder was called out of turn: no open directory, or already finished. */
  | 'PXAR_STATE';

/** An archive that breaks the format, or a call that would write one. */
export class PxarError extends Error {
  override readonly name = 'PxarError';
  readonly code: PxarErrorCode;
  /** The archive's name as the caller gave it. */
  readonly archive: string;
  /** Byte offset in that archive. */
  readonly offset: number;

  constructor(code: PxarErrorCode, archive: string, offset: number, problem: string) {
    super(`${archive}: at byte ${offset}: ${problem}`);
    this.code = code;
    this.archive = archive;
    this.offset = offset;
  }
}
