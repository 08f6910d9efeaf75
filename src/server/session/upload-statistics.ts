/** What was uploaded: for one archive, and for a whole session. snapshot-manifest.md §3.2. */

export class UploadStatistics {
  #count = 0;
  #size = 0;
  #compressedSize = 0;
  #duplicates = 0;

  /** One chunk: its plain and its encoded length. */
  addChunk(size: number, encodedSize: number, duplicate: boolean): void {
    this.#count += 1;
    this.#size += size;
    this.#compressedSize += encodedSize;
    this.#duplicates += duplicate ? 1 : 0;
  }

  /** Blobs count by their encoded length only. */
  addBlob(encodedSize: number): void {
    this.#size += encodedSize;
  }

  /** Adds those of an archive to those of the session. */
  add(other: UploadStatistics): void {
    this.#count += other.#count;
    this.#size += other.#size;
    this.#compressedSize += other.#compressedSize;
    this.#duplicates += other.#duplicates;
  }

  /** As they stand in a manifest. */
  get noted(): Record<'count' | 'size' | 'compressed_size' | 'duplicates', number> {
    return {
      count: this.#count,
      size: this.#size,
      compressed_size: this.#compressedSize,
      duplicates: this.#duplicates,
    };
  }

  /** Lines for the log of the task; `chunks` and `size` are those of the archive. */
  lines(name: string, { csum, chunks, size }: { csum: string; chunks: number; size: number }): string[] {
    const percent = (part: number, whole: number): string =>
      `${whole === 0 ? 0 : Math.floor((100 * part) / whole)}%`;
    return [
      `Upload statistics for '${name}'`,
      `Checksum: ${csum}`,
      `Size: ${size}`,
      `Chunk count: ${chunks}`,
      `Upload size: ${this.#size} (${percent(this.#size, size)})`,
      `Duplicates: ${chunks - this.#count}+${this.#duplicates} (${percent(chunks - this.#count + this.#duplicates, chunks)})`,
      `Compression: ${percent(this.#compressedSize, this.#size)}`,
    ];
  }
}
