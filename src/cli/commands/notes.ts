/** `restat snapshot notes show|update` and how notes are printed. */
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, type OutputFormat, outputFormat, printJson } from '../context.js';
import { ExitCode } from '../errors.js';
import { printableText } from '../output/printable.js';
import { changedRepository, commandNamespace, commandRepository, lockWait } from '../repository.js';
import { snapshotOf, snapshotPositional } from './words.js';

/** The text as it is, on a terminal without control characters; or an object with it. */
export function printNotes(context: Context, format: OutputFormat, notes: string): void {
  const { stdout } = context;
  if (format === 'text') stdout.write(`${stdout.isTTY ? printableText(notes) : notes}\n`);
  else printJson(context, format, { notes });
}

const SHOW = ['snapshot', 'notes', 'show'];

async function show(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const snapshot = snapshotOf(invocation, SHOW);
  const management = (await commandRepository(invocation, context)).management();
  printNotes(context, format, await management.notes(commandNamespace(invocation, context), snapshot));
  return ExitCode.done;
}

const UPDATE = ['snapshot', 'notes', 'update'];

async function update(invocation: Invocation, context: Context): Promise<number> {
  const snapshot = snapshotOf(invocation, UPDATE);
  const management = (await changedRepository(invocation, context)).management();
  const notes = positional(invocation, 'notes');
  const wait = lockWait(invocation, context);
  await management.setNotes(commandNamespace(invocation, context), snapshot, notes, wait);
  return ExitCode.done;
}

export const notesCommands: readonly CommandSpec[] = [
  {
    path: SHOW,
    description: 'Print the notes of a snapshot.',
    positionals: [snapshotPositional],
    options: { ...repositoryOptions, ...formatOptions },
    run: show,
  },
  {
    path: UPDATE,
    description: 'Replace the notes of a snapshot. Empty ones are removed.',
    positionals: [snapshotPositional, { name: 'notes', description: 'text' }],
    options: { ...repositoryOptions, ...lockOptions },
    run: update,
  },
];
