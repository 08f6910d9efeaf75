/** Positions that come in ascending order, eight bytes each. */
export class PositionSet {
  #values = new Float64Array(1024);
  #count = 0;

  /** `position` is greater than all before. */
  add(position: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(2 * this.#count);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count] = position;
    this.#count += 1;
  }

  has(position: number): boolean {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#values[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return low < this.#count && this.#values[low] === position;
  }
}
