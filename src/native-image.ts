/** Images: block devices, files and pipes that are backed up as they are. */
import type { NativeFile } from './native-scan.js';

export interface NativeImage {
  readonly file: NativeFile;
  readonly kind: 'file' | 'device' | 'stream';
  /** Bytes; 0 for a stream, whose size shows at its end. */
  readonly size: number;
}

export interface NativeImages {
  /**
   * Opens a source, a FIFO without waiting for its other side; a number is a descriptor to be duplicated. Rejects with IMAGE_KIND for
   * what is no file, block device or FIFO, or a system error.
   */
  openImage(source: string | number): Promise<NativeImage>;
  /** Bytes of a file or block device now. Throws the error of lseek(2). */
  imageSize(file: NativeFile): number;
  /**
   * Where an image of `size` bytes next has data at or behind `from`: the first run without a hole, widened to multiples of `grain`,
   * of which `from` is one. Empty at the end of the image where there are none; where holes cannot be told everything is data.
   */
  nextData(
    file: NativeFile,
    from: number,
    size: number,
    grain: number,
  ): Promise<{ readonly start: number; readonly end: number }>;
  /** A pipe; `write` is a descriptor that the caller closes. Throws the error of pipe(2). */
  makePipe(): { readonly read: NativeFile; readonly write: number };
  /** Lets go of a file: it is closed when no stream reads it any more. */
  closeImage(file: NativeFile): void;
}
