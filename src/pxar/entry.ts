/** What the readers hand out. */

interface Located {
  /** Name without NUL, not necessarily UTF-8; empty for the root. A view of a larger block: copy it to keep it for long. */
  readonly name: Buffer;
  /** 0 for the root. */
  readonly depth: number;
  /** Position of the FILENAME item; for the root, of its ENTRY. */
  readonly position: number;
}

interface WithBody extends Located {
  /** Raw bytes of ENTRY (or ENTRY_V1) and its attributes; `decodeMetadata` reads them. A view of a larger block. */
  readonly body: Buffer;
  /** File type and permission bits. */
  readonly mode: number;
}

/** A directory begins; its children follow, then a `leave`. */
export interface DirectoryEntry extends WithBody {
  readonly kind: 'directory';
}

export interface FileEntry extends WithBody {
  readonly kind: 'file';
  /**
   * Position of the PAYLOAD header in the payload stream: the payload archive in version 2, else this archive, where it is in the
   * tree if `inline` and in the appendix if not.
   */
  readonly payloadOffset: number;
  /** Bytes of content. */
  readonly size: number;
  /** True if the content stands in the tree, behind the entry. */
  readonly inline: boolean;
}

export interface SymlinkEntry extends WithBody {
  readonly kind: 'symlink';
  readonly target: Buffer;
}

export interface DeviceEntry extends WithBody {
  readonly kind: 'device';
  readonly major: number;
  readonly minor: number;
  /** True for a block device, false for a character device. */
  readonly block: boolean;
}

export interface FifoEntry extends WithBody {
  readonly kind: 'fifo';
}

export interface SocketEntry extends WithBody {
  readonly kind: 'socket';
}

export interface HardlinkEntry extends Located {
  readonly kind: 'hardlink';
  /** Position of the FILENAME item of the regular file that is linked to. */
  readonly targetPosition: number;
  /** Its path from the archive's root. */
  readonly targetPath: Buffer;
}

/** The end of a directory: name, depth and position are the directory's own. */
export interface LeaveEntry extends Located {
  readonly kind: 'leave';
  /** Position and full size of the GOODBYE item. */
  readonly goodbye: number;
  readonly goodbyeSize: number;
}

/** What a directory can contain. */
export type ChildEntry =
  | DirectoryEntry
  | FileEntry
  | SymlinkEntry
  | DeviceEntry
  | FifoEntry
  | SocketEntry
  | HardlinkEntry;

/** What the sequential decoder delivers. */
export type Entry = ChildEntry | LeaveEntry;
