/** Contents of golden files are recipes: how to make the bytes, so that the fixtures stay small. */
import { createHash } from 'node:crypto';
import { z } from 'zod';

const length = z.number().int().nonnegative();

export type Recipe =
  | { kind: 'literal'; hex: string }
  | { kind: 'repeat'; hex: string; length: number }
  | { kind: 'drbg' | 'quad'; seed: string; length: number }
  | { kind: 'concat'; parts: Recipe[] }
  | { kind: 'sparse'; length: number; data: { offset: number; content: Recipe }[] };

export const recipe: z.ZodType<Recipe> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('literal'), hex: z.string() }),
    z.object({ kind: z.literal('repeat'), hex: z.string(), length }),
    z.object({ kind: z.enum(['drbg', 'quad']), seed: z.string(), length }),
    z.object({ kind: z.literal('concat'), parts: z.array(recipe) }),
    z.object({
      kind: z.literal('sparse'),
      length,
      data: z.array(z.object({ offset: length, content: recipe })),
    }),
  ]),
);

/** SHA-256(seed ‖ u64 i) for i = 0, 1, 2, …, cut to `length`. */
function drbg(seed: string, length: number): Buffer {
  const out = Buffer.alloc(Math.ceil(length / 32) * 32);
  const input = Buffer.concat([Buffer.from(seed), Buffer.alloc(8)]);
  for (let i = 0; i * 32 < length; i++) {
    input.writeBigUInt64LE(BigInt(i), input.length - 8);
    createHash('sha256')
      .update(input)
      .digest()
      .copy(out, i * 32);
  }
  return out.subarray(0, length);
}

/** Four letters for each byte of `drbg`, lowest bits first. */
function quad(seed: string, length: number): Buffer {
  const letters = Buffer.from('ACGT');
  const bytes = drbg(seed, Math.ceil(length / 4));
  const out = Buffer.alloc(bytes.length * 4);
  const words = Array.from({ length: 256 }, (_, byte) =>
    Buffer.from([0, 2, 4, 6].map((shift) => letters[(byte >> shift) & 3]!)).readUInt32LE(),
  );
  for (let i = 0; i < bytes.length; i++) out.writeUInt32LE(words[bytes[i]!]!, 4 * i);
  return out.subarray(0, length);
}

/** The bytes that a recipe stands for. */
export function bytesOf(content: Recipe): Buffer {
  switch (content.kind) {
    case 'literal':
      return Buffer.from(content.hex, 'hex');
    case 'repeat':
      return Buffer.alloc(content.length, Buffer.from(content.hex, 'hex'));
    case 'drbg':
      return drbg(content.seed, content.length);
    case 'quad':
      return quad(content.seed, content.length);
    case 'concat':
      return Buffer.concat(content.parts.map(bytesOf));
    case 'sparse': {
      const out = Buffer.alloc(content.length);
      for (const { offset, content: part } of content.data) bytesOf(part).copy(out, offset);
      return out;
    }
  }
}
