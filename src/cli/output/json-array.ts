/** A JSON array that is printed while its items are found: what `toJson` gives for all of them. */
import { type Json, toJson } from './json.js';

export class JsonArray {
  readonly #pretty: boolean;
  readonly #write: (text: string) => Promise<void>;
  #count = 0;

  constructor(pretty: boolean, write: (text: string) => Promise<void>) {
    this.#pretty = pretty;
    this.#write = write;
  }

  add(item: Json): Promise<void> {
    this.#count += 1;
    const first = this.#count === 1;
    const text = toJson(item, this.#pretty);
    if (!this.#pretty) return this.#write(`${first ? '[' : ','}${text}`);
    return this.#write(`${first ? '[' : ','}\n  ${text.replaceAll('\n', '\n  ')}`);
  }

  end(): Promise<void> {
    if (this.#count === 0) return this.#write('[]\n');
    return this.#write(this.#pretty ? '\n]\n' : ']\n');
  }
}
