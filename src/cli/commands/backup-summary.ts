/** The result of a backup: sentences for people, JSON for programs (docs/scripting.md). */
import type { ArchiveSummary } from '../../backup/archive.js';
import type { BackupSummary } from '../../backup/backup.js';
import type { PaddingTotals } from '../../detect/padding.js';
import { REASON_NAMES, Reason } from '../../detect/reasons.js';
import { splitNames } from '../../snapshot/archive-names.js';
import { formatSnapshot } from '../../snapshot/names.js';
import { formatBytes, formatDuration } from '../output/human.js';
import type { Json } from '../output/json.js';

/** Seconds that a run and each of its archives took. */
export interface RunTimes {
  readonly total: number;
  readonly archives: readonly number[];
}

type Stream = ArchiveSummary['payload'];

/** Smaller streams are not worth a line about reuse. */
const WORTH_A_LINE = 2 ** 20;

function streamLines(name: string, { size, stats }: Stream, seconds: number): string[] {
  const { newBytes, newEncodedBytes } = stats;
  const reused = size - newBytes;
  const rate = formatBytes(Math.round(newBytes / Math.max(seconds, 0.001)));
  const stored = `had to backup ${formatBytes(newBytes)} of ${formatBytes(size)} (compressed ${formatBytes(newEncodedBytes)})`;
  const lines = [`${name}: ${stored} in ${seconds.toFixed(2)} s (average ${rate}/s)`];
  if (reused > 0 && size > WORTH_A_LINE) {
    const percent = ((100 * reused) / size).toFixed(1);
    lines.push(`${name}: backup was done incrementally, reused ${formatBytes(reused)} (${percent}%)`);
  }
  return lines;
}

function archiveLines({ archive, payload, metadata }: ArchiveSummary, seconds: number): string[] {
  // A dry run made no chunks.
  if (payload.chunks === 0) return [];
  if (metadata === undefined) return streamLines(archive, payload, seconds);
  const names = splitNames(archive);
  const shown = (name: string): string => name.replace(/\.didx$/, '');
  return [
    ...streamLines(shown(names.payload), payload, seconds),
    ...streamLines(shown(names.metadata), metadata, seconds),
  ];
}

/** A dry run has none. */
function catalogLines({ catalog }: BackupSummary): string[] {
  return catalog === undefined || catalog.chunks === 0
    ? []
    : [`Uploaded backup catalog (${formatBytes(catalog.size)})`];
}

/** What change detection came to; nothing where no archive had a reference. */
function detectionLines({ archives, totals, reasons }: BackupSummary): string[] {
  const paddings = archives.map(({ padding }) => padding).filter((padding) => padding !== undefined);
  if (paddings.length === 0) return [];
  const sum = (value: (padding: PaddingTotals) => number): number =>
    paddings.reduce((total, each) => total + value(each), 0);
  const reused = reasons.files[Reason.reused]!;
  const reusedBytes = reasons.bytes[Reason.reused]!;
  const why = REASON_NAMES.flatMap((name, i) =>
    i !== Reason.reused && reasons.files[i]! > 0
      ? [`${reasons.files[i]} ${name} (${formatBytes(reasons.bytes[i]!)})`]
      : [],
  );
  const padding = sum(({ dead, duplicate }) => dead + duplicate);
  return [
    'Change detection summary:',
    ` - ${totals.files + totals.hardlinks} total files (${totals.hardlinks} hardlinks)`,
    ` - ${reused} unchanged, reusable files with ${formatBytes(reusedBytes)} data`,
    ` - ${totals.files - reused} changed or non-reusable files with ${formatBytes(totals.bytes - reusedBytes)} data${why.length > 0 ? `: ${why.join(', ')}` : ''}`,
    ` - ${formatBytes(padding)} padding in ${sum(({ partial }) => partial)} partially reused chunks (${formatBytes(sum(({ dead }) => dead))} of it needed nowhere), ${sum(({ entries }) => entries)} chunks injected`,
  ];
}

/** What is said at the end of a run, line by line. */
export function summaryLines(summary: BackupSummary, times: RunTimes): string[] {
  const { archives, totals, warnings } = summary;
  const others = totals.symlinks + totals.specials;
  const files = `${totals.files} files (${formatBytes(totals.bytes)}), ${totals.directories} directories, ${totals.hardlinks} hard links, ${others} others; ${totals.excluded} excluded`;
  return [
    ...detectionLines(summary),
    ...archives.flatMap((archive, i) => archiveLines(archive, times.archives[i] ?? times.total)),
    ...catalogLines(summary),
    ...(totals.directories > 0 ? [files] : []),
    ...Array.from(warnings, ([kind, count]) => `${count} × ${kind}`),
    `Duration: ${formatDuration(times.total)}`,
  ];
}

function streamJson({ size, chunks, stats }: Stream): Json {
  return {
    size,
    chunks,
    'new-chunks': stats.newChunks,
    'new-bytes': stats.newBytes,
    'new-encoded-bytes': stats.newEncodedBytes,
    'known-chunks': stats.knownChunks,
    'known-bytes': stats.knownBytes,
    'injected-chunks': stats.injectedChunks,
    'injected-bytes': stats.injectedBytes,
  };
}

function paddingJson({
  files,
  reusedBytes,
  entries,
  injectedBytes,
  partial,
  dead,
  duplicate,
}: PaddingTotals): Json {
  return {
    files,
    'reused-bytes': reusedBytes,
    entries,
    'injected-bytes': injectedBytes,
    partial,
    dead,
    duplicate,
  };
}

export function summaryJson(summary: BackupSummary, times: RunTimes): { readonly [key: string]: Json } {
  const { snapshot, seal, totals, reasons } = summary;
  return {
    snapshot: formatSnapshot(snapshot),
    'backup-type': snapshot.type,
    'backup-id': snapshot.id,
    'backup-time': snapshot.time,
    'crypt-mode': seal.mode,
    fingerprint: seal.fingerprint ?? null,
    duration: Number(times.total.toFixed(3)),
    files: totals.files,
    directories: totals.directories,
    symlinks: totals.symlinks,
    hardlinks: totals.hardlinks,
    specials: totals.specials,
    excluded: totals.excluded,
    bytes: totals.bytes,
    incomplete: summary.incomplete,
    warnings: Object.fromEntries(summary.warnings),
    reasons: Object.fromEntries(
      REASON_NAMES.map((name, i) => [name, { files: reasons.files[i]!, bytes: reasons.bytes[i]! }]),
    ),
    archives: summary.archives.map(({ archive, payload, metadata, padding }) => ({
      archive,
      padding: padding === undefined ? null : paddingJson(padding),
      payload: streamJson(payload),
      metadata: metadata === undefined ? null : streamJson(metadata),
    })),
    catalog: summary.catalog === undefined ? null : streamJson(summary.catalog),
  };
}
