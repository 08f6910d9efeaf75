/** `restat backup`: live trees into a snapshot. */
import { tmpdir } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type BackupRequest, type BackupSummary, runBackup } from '../../backup/backup.js';
import { checkSources } from '../../backup/check-sources.js';
import { type Estimate, estimateSources } from '../../backup/estimate.js';
import type { WalkOptions } from '../../backup/options.js';
import { type RetryOptions, withRetries } from '../../backup/retry.js';
import { isStandardInput, parseSources, type Source, sourceKind } from '../../backup/sources.js';
import { REASON_NAMES } from '../../detect/reasons.js';
import { isLost, ServerError } from '../../repository/pbs/server-error.js';
import type { Repository } from '../../repository/repository.js';
import { serverName, splitNames } from '../../snapshot/archive-names.js';
import { backupTime, formatSnapshot, type Namespace } from '../../snapshot/names.js';
import {
  type CommandSpec,
  type Invocation,
  optionFlag,
  optionNumber,
  optionString,
  positionals,
} from '../command.js';
import { type Context, type OutputFormat, outputFormat, printablePath, printJson } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { BackupProgress } from '../output/backup-progress.js';
import { progressMode } from '../output/progress.js';
import { Reporter } from '../output/reporter.js';
import { commandNamespace, commandRepository, lockWait } from '../repository.js';
import { type Protection, withProtection } from '../seal.js';
import { parseWords } from '../usage.js';
import { averageSize, backupOptions, groupOf, syncMode, walkOptions } from './backup-options.js';
import { type RunTimes, summaryJson, summaryLines } from './backup-summary.js';
import { detectionOf, layoutOf } from './detection-options.js';

/** Waiting before a backup whose connection dropped begins anew. */
const RETRY_DELAY_MS = 5000;
const DEFAULT_RETRIES = 3;

/** Notes when the run and its archives began. */
class Stopwatch {
  #start = performance.now();
  #archives: number[] = [];

  /** The run begins anew. */
  reset(): void {
    this.#start = performance.now();
    this.#archives = [];
  }

  nextArchive(): void {
    this.#archives.push(performance.now());
  }

  times(): RunTimes {
    const end = performance.now();
    const archives = this.#archives.map((from, i) => ((this.#archives[i + 1] ?? end) - from) / 1000);
    return { total: (end - this.#start) / 1000, archives };
  }
}

type Listeners = Pick<
  BackupRequest,
  'onStart' | 'onArchive' | 'onWarning' | 'onProgress' | 'onMessage' | 'onFile'
>;
type Wishes = Omit<BackupRequest, 'repository' | 'seal' | 'encryptedKey' | keyof Listeners> & {
  readonly verbose: boolean;
  readonly retries: number;
  /** The time of the backup stands on the command line. */
  readonly timeGiven: boolean;
};

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

/** What the command line asks for. Throws UsageError, and BackupError for sources that are not there. */
async function wishesOf(invocation: Invocation, context: Context): Promise<Wishes> {
  const command = optionString(invocation, 'stdin-command');
  const specs = positionals(invocation, 'backupspec');
  const sources = parseWords(['backup'], () => parseSources(specs, command));
  const seconds = optionNumber(invocation, 'backup-time') ?? context.clock().seconds;
  const wishes = {
    namespace: commandNamespace(invocation, context),
    group: groupOf(invocation),
    time: parseWords(['backup'], () => backupTime(seconds)),
    sources,
    walk: await walkOptions(invocation),
    averageSize: averageSize(invocation),
    skipE2bigXattr: optionFlag(invocation, 'skip-e2big-xattr'),
    owner: optionString(invocation, 'owner') ?? 'root@pam',
    lockWaitSeconds: lockWait(invocation, context).waitSeconds,
    temporaryDirectory: tmpdir(),
    clock: context.clock,
    signal: context.signal,
    detection: detectionOf(invocation, sources),
    layout: layoutOf(invocation),
    dryRun: optionFlag(invocation, 'dry-run'),
    verbose: optionFlag(invocation, 'verbose'),
    timeGiven: invocation.options.has('backup-time'),
    checkpointMs: milliseconds(optionNumber(invocation, 'checkpoint-interval')),
    retries: optionNumber(invocation, 'retries') ?? DEFAULT_RETRIES,
  };
  if (wishes.timeGiven && wishes.checkpointMs !== undefined)
    throw new UsageError(
      '--backup-time does not go with --checkpoint-interval: a checkpoint has an earlier time',
      ['backup'],
    );
  if (
    sources.some(isStandardInput) &&
    [optionNumber(invocation, 'keyfd'), optionNumber(invocation, 'master-pubkey-fd')].includes(0)
  )
    throw new UsageError('standard input cannot be both a source and a key', ['backup']);
  const { onceOnly } = await checkSources(sources);
  // What was read from a pipe does not come again.
  return onceOnly ? { ...wishes, retries: 0 } : wishes;
}

/** What is backed up, for people: the command itself is not named, it may hold a secret. */
function sourceText(source: Source): string {
  const kind = sourceKind(source);
  if (source.command !== undefined) return 'the output of a command';
  return isStandardInput(source) ? 'standard input' : `${kind} '${source.path}'`;
}

/** The file of the snapshot that holds the source, or its tree. */
function firstName(source: Source, layout: BackupRequest['layout']): string {
  const { archive } = source;
  return sourceKind(source) === 'directory' && layout === 'split'
    ? splitNames(archive).metadata
    : serverName(archive);
}

/** The part of a request that tells people and programs how it goes. */
function listeners(
  reporter: Reporter,
  progress: BackupProgress,
  watch: Stopwatch,
  names: {
    readonly namespace: Namespace;
    readonly repository: string;
    readonly verbose: boolean;
    readonly dryRun: boolean;
    readonly layout: BackupRequest['layout'];
    readonly messages: readonly string[];
  },
): Listeners {
  const where = names.namespace === '' ? '' : `[${names.namespace}]:`;
  return {
    onStart: ({ snapshot, previous }) => {
      reporter.say(`Starting backup: ${where}${formatSnapshot(snapshot)}`);
      for (const message of names.messages) reporter.say(message);
      if (previous === undefined) reporter.say('No previous snapshot in this group.');
    },
    onArchive: (source) => {
      watch.nextArchive();
      const verb = names.dryRun ? 'Would back up' : 'Backing up';
      reporter.say(
        `${verb} ${sourceText(source)} to '${names.repository}' as ${firstName(source, names.layout)}`,
      );
    },
    onWarning: (warning) => reporter.notice(warning),
    onProgress: (state) => progress.update(state),
    onMessage: (message) => reporter.say(message),
    onFile: names.verbose
      ? (path, reason) => reporter.say(`${printablePath(path)}: ${REASON_NAMES[reason]}`)
      : undefined,
  };
}

/**
 * Runs `work` while the sources are counted beside it, where a display shows percent. The count ends with the work; if it cannot
 * be made, there is no percent.
 */
async function withEstimate<T>(
  { reporter, progress }: { readonly reporter: Reporter; readonly progress: BackupProgress },
  count: (signal: AbortSignal) => Promise<Estimate>,
  work: () => Promise<T>,
): Promise<T> {
  if (!reporter.showsPercent) return work();
  const ended = new AbortController();
  const counted = count(ended.signal).then(
    (total) => progress.setTotal(total),
    () => undefined,
  );
  try {
    return await work();
  } finally {
    ended.abort();
    await counted;
  }
}

/** Begins anew when the connection was lost, and goes on trying while the server cannot be reached after that. */
function retriesOf({ retries, signal }: Wishes, reporter: Reporter): RetryOptions {
  let lost = false;
  return {
    retries,
    delayMs: RETRY_DELAY_MS,
    signal,
    isTemporary: (error) => {
      if (!(error instanceof ServerError)) return false;
      lost ||= isLost(error);
      return lost && error.code !== 'SERVER_REFUSED';
    },
    onRetry: (error, delayMs) => {
      const reason = error instanceof Error ? error.message : String(error);
      reporter.say(`${reason}; beginning anew in ${delayMs / 1000} seconds`);
    },
  };
}

async function backUp(
  wishes: Wishes,
  protection: Protection,
  repository: Repository,
  reporter: Reporter,
): Promise<{ readonly summary: BackupSummary; readonly times: RunTimes }> {
  const progress = new BackupProgress(reporter);
  const watch = new Stopwatch();
  const { namespace, sources } = wishes;
  const count = async (signal: AbortSignal): Promise<Estimate> => {
    const walk: WalkOptions = { ...wishes.walk, storedEmpty: await repository.ownDirectories() };
    return estimateSources(sources, walk, signal);
  };
  const { verbose, dryRun, layout } = wishes;
  const { seal, messages } = protection;
  const encryptedKey = await protection.encryptedKey();
  const names = { namespace, repository: repository.name, verbose, dryRun, layout, messages };
  const request = {
    ...wishes,
    seal,
    encryptedKey,
    repository,
    ...listeners(reporter, progress, watch, names),
  };
  const attempt = (number: number): Promise<BackupSummary> => {
    watch.reset();
    // A server wants a newer time than that of the attempt that it may still hold.
    const least = wishes.time + number;
    const newer = wishes.timeGiven ? least : Math.max(wishes.clock().seconds, least);
    return runBackup(number === 0 ? request : { ...request, time: backupTime(newer) });
  };
  const work = (): Promise<BackupSummary> => withRetries(attempt, retriesOf(wishes, reporter));
  const summary = await withEstimate({ reporter, progress }, count, work);
  return { summary, times: watch.times() };
}

function printSummary(
  { summary, times }: Awaited<ReturnType<typeof backUp>>,
  reporter: Reporter,
  context: Context,
  { format, dryRun }: { readonly format: OutputFormat; readonly dryRun: boolean },
): void {
  const json = summaryJson(summary, times);
  const lines = summaryLines(summary, times);
  reporter.summary(dryRun ? [...lines, 'dry-run: nothing was stored'] : lines, json);
  if (format !== 'text') printJson(context, format, json);
}

async function runWishes(
  wishes: Wishes,
  protection: Protection,
  invocation: Invocation,
  context: Context,
): Promise<number> {
  const format = outputFormat(invocation, context);
  const repository = await commandRepository(invocation, context, {
    create: !wishes.dryRun,
    sync: syncMode(invocation),
  });
  const reporter = new Reporter(context, progressMode(invocation, context));
  try {
    const result = await backUp(wishes, protection, repository, reporter);
    printSummary(result, reporter, context, { format, dryRun: wishes.dryRun });
    return result.summary.incomplete ? ExitCode.incomplete : ExitCode.done;
  } finally {
    reporter.stop();
  }
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  // Nobody types a password for a command line that is wrong.
  const wishes = await wishesOf(invocation, context);
  return withProtection(invocation, context, ['backup'], (protection) =>
    runWishes(wishes, protection, invocation, context),
  );
}

export const backupCommand: CommandSpec = {
  path: ['backup'],
  description: 'Back up directories, images and single files into a new snapshot.',
  positionals: [
    {
      name: 'backupspec',
      array: true,
      description:
        "one or more of NAME.pxar:DIRECTORY, NAME.img:PATH (a block device, file or FIFO; '-' for standard input), NAME.conf:FILE, NAME.log:FILE",
    },
  ],
  options: backupOptions,
  run,
};
