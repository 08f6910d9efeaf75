/** What restat notes of a run in a manifest's `unprotected` part, under `restat`. Other programs keep it and do not read it. */
import * as z from 'zod';
import type { JsonValue } from './json-text.js';
import type { Manifest } from './manifest.js';

/** Seconds and nanoseconds since the epoch, floor-style. */
export interface Instant {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Bytes of a payload archive that no file refers to. */
export interface NotedPadding {
  readonly dead: number;
  readonly duplicate: number;
}

export interface RunNotes {
  /** When the run began; seconds 0: its files are not to be trusted. Undefined where it is not noted. */
  readonly start: Instant | undefined;
  /** How many runs in a row, up to this one, compared with their predecessor. */
  readonly generation: number;
  /** By archive (`NAME.pxar`): payload offsets of files that changed while they were read. */
  readonly untrusted: Readonly<Record<string, readonly number[]>>;
  /** By archive: padding of its payload stream. */
  readonly padding: Readonly<Record<string, NotedPadding>>;
}

/** Nothing is noted. */
export const NO_RUN_NOTES: RunNotes = { start: undefined, generation: 0, untrusted: {}, padding: {} };

const instant = z
  .string()
  .regex(/^\d{1,15}(?:\.\d{9})?$/)
  .transform((text): Instant => {
    const [seconds, nanoseconds] = text.split('.');
    return { seconds: Number(seconds), nanoseconds: Number(nanoseconds ?? '0') };
  });

const count = z.int().nonnegative();

// Whatever has another shape counts as not noted: the notes are not protected by any checksum.
const schema = z.object({
  start: instant.optional().catch(undefined),
  generation: count.catch(0),
  untrusted: z.record(z.string(), z.array(count)).catch({}),
  padding: z.record(z.string(), z.object({ dead: count, duplicate: count })).catch({}),
});

/** The notes of a manifest; empty where there are none. */
export function runNotes({ unprotected }: Manifest): RunNotes {
  const parsed = schema.safeParse(unprotected['restat'] ?? {});
  if (!parsed.success) return NO_RUN_NOTES;
  return { ...parsed.data, start: parsed.data.start };
}

/** The notes as they stand in the manifest; what is empty is left out. */
export function encodeRunNotes({ start, generation, untrusted, padding }: RunNotes): {
  [key: string]: JsonValue;
} {
  const text = (at: Instant): string =>
    at.seconds === 0 ? '0' : `${at.seconds}.${String(at.nanoseconds).padStart(9, '0')}`;
  return {
    ...(start === undefined ? {} : { start: text(start) }),
    generation,
    ...(Object.keys(untrusted).length === 0 ? {} : { untrusted }),
    ...(Object.keys(padding).length === 0
      ? {}
      : { padding: Object.fromEntries(Object.entries(padding).map(([name, each]) => [name, { ...each }])) }),
  };
}
