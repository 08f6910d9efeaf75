/** Options of change detection: `--change-detection-mode`, `--layout`, `--max-padding`, `--full-every`. */
import type { DetectionWishes, Layout } from '../../backup/detection.js';
import { type Source, sourceKind } from '../../backup/sources.js';
import { DEFAULT_BUDGET } from '../../detect/defaults.js';
import type { ArchiveName } from '../../snapshot/archive-names.js';
import { type Invocation, optionNumber, optionString } from '../command.js';
import { UsageError } from '../errors.js';

const COMMAND = ['backup'];

/** `root`, `root.pxar` or `root.pxar.didx` among the sources. */
function findArchive(name: string, sources: readonly Source[]): ArchiveName {
  const wanted = `${name.replace(/\.didx$/, '').replace(/\.pxar$/, '')}.pxar`;
  const found = sources.find(({ archive }) => archive === wanted);
  if (found === undefined) {
    throw new UsageError(
      `--change-detection-mode: '${name}' is not among the archives of this backup`,
      COMMAND,
    );
  }
  return found.archive;
}

function archivesOf(mode: string, sources: readonly Source[]): Set<ArchiveName> {
  if (mode === 'data' || mode === 'legacy') return new Set();
  const trees = sources.filter((source) => sourceKind(source) === 'directory');
  if (mode === 'metadata') return new Set(trees.map(({ archive }) => archive));
  const names = /^metadata:(.+)$/.exec(mode)?.[1]?.split(/[,:]/);
  if (names === undefined || names.includes('')) {
    throw new UsageError(
      `--change-detection-mode: '${mode}' is none of legacy, data, metadata, metadata:ARCHIVE,…`,
      COMMAND,
    );
  }
  return new Set(names.map((name) => findArchive(name, sources)));
}

function percent(text: string, whole: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 100))
    throw new UsageError(`--max-padding: '${whole}' is not ALL[,DEAD] in percent`, COMMAND);
  return value / 100;
}

function budgetOf(text: string | undefined): DetectionWishes['budget'] {
  if (text === undefined) return DEFAULT_BUDGET;
  const [all, dead, ...rest] = text.split(',');
  if (all === undefined || rest.length > 0)
    throw new UsageError(`--max-padding: '${text}' is not ALL[,DEAD] in percent`, COMMAND);
  const share = percent(all, text);
  return { all: share, dead: dead === undefined ? share / 3 : percent(dead, text) };
}

/** How trees are stored; what else is wrong with the mode, `detectionOf` says. Throws UsageError. */
export function layoutOf(invocation: Invocation): Layout {
  const layout = optionString(invocation, 'layout');
  const isLegacy = optionString(invocation, 'change-detection-mode') === 'legacy';
  if (isLegacy && layout === 'split')
    throw new UsageError('--change-detection-mode legacy does not go with --layout split', COMMAND);
  return isLegacy || layout === 'single' ? 'single' : 'split';
}

/** What the command line says of change detection. Throws UsageError. */
export function detectionOf(invocation: Invocation, sources: readonly Source[]): DetectionWishes {
  return {
    archives: archivesOf(optionString(invocation, 'change-detection-mode') ?? 'data', sources),
    budget: budgetOf(optionString(invocation, 'max-padding')),
    fullEvery: optionNumber(invocation, 'full-every'),
  };
}
