/** Sends the parts of a tree through change detection: each part goes on when all its files are decided. */
import type { Detector, JudgedRows } from '../detect/detector.js';
import { nameBytes, statWord } from '../native-listing.js';
import { STAT } from '../native-scan.js';
import { type EntriesPart, Role, type WalkPart } from './walk-parts.js';

interface Queued {
  readonly part: WalkPart;
  readonly judged: JudgedRows | undefined;
}

function filesOf({ roles, first }: EntriesPart): number[] {
  const files: number[] = [];
  for (let i = 0; i < roles.length; i += 1) {
    if (roles[i] === Role.small || roles[i] === Role.large) files.push(first + i);
  }
  return files;
}

async function judge(part: WalkPart, detector: Detector): Promise<JudgedRows | undefined> {
  if (part.kind === 'enter') {
    const { list, stats } = part.parent;
    await detector.enter(nameBytes(list, statWord(stats, part.row, STAT.nameIndex)));
  } else if (part.kind === 'leave') {
    await detector.leave();
  } else if (part.kind === 'entries') {
    const { list, stats, description } = part.directory;
    const { first, last } = part;
    const judged = await detector.judge({ list, stats, description, first, last }, filesOf(part));
    part.reasons = judged.reasons;
    part.payloads = judged.payloads;
    return judged;
  }
  return undefined;
}

/** The same parts in the same order, with reasons and old payloads. */
export async function* detectParts(
  parts: AsyncGenerator<WalkPart>,
  detector: Detector,
): AsyncGenerator<WalkPart> {
  const queue: Queued[] = [];
  let first = 0;
  await detector.begin();
  for await (const part of parts) {
    queue.push({ part, judged: await judge(part, detector) });
    for (; first < queue.length && (queue[first]!.judged?.undecided ?? 0) === 0; first += 1)
      yield queue[first]!.part;
    if (first === queue.length || first > 4096) {
      queue.splice(0, first);
      first = 0;
    }
  }
  detector.finish();
  for (const { part } of queue.slice(first)) yield part;
}
