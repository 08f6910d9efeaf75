/** `restat namespace list|create|delete|move`. */
import type { NamespaceInfo } from '../../repository/management.js';
import { type Namespace, parseNamespace } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  type OptionSpec,
  optionFlag,
  optionNumber,
  optionString,
  type PositionalSpec,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat, printJson } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { printableLine } from '../output/printable.js';
import { changedRepository, commandNamespace, commandRepository, lockWait } from '../repository.js';
import { parseWords } from '../usage.js';
import { startedTask } from './task-follow.js';

const namespacePositional: PositionalSpec = {
  name: 'namespace',
  optional: true,
  description: 'the same as --ns',
};
const depthOption: OptionSpec = {
  type: 'integer',
  minimum: 0,
  maximum: 7,
  placeholder: 'LEVELS',
  description: 'how many levels below',
};

/** The positional, or --ns, or $PBS_NAMESPACE. */
function namespaceOf(invocation: Invocation, context: Context, command: readonly string[]): Namespace {
  const text = positional(invocation, 'namespace');
  if (text === '') return commandNamespace(invocation, context);
  if (optionString(invocation, 'ns') !== undefined)
    throw new UsageError('the namespace is given twice', command);
  return parseWords(command, () => parseNamespace(text));
}

/** A namespace below the root. Throws UsageError. */
function levelOf(invocation: Invocation, context: Context, command: readonly string[]): Namespace {
  const namespace = namespaceOf(invocation, context, command);
  if (namespace !== '') return namespace;
  throw new UsageError(
    'the root namespace is neither made nor deleted nor moved: name one below it',
    command,
  );
}

function line({ namespace, comment }: NamespaceInfo): string {
  return comment === undefined ? namespace : `${namespace} (${printableLine(comment)})`;
}

const LIST = ['namespace', 'list'];

async function list(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const parent = namespaceOf(invocation, context, LIST);
  const management = (await commandRepository(invocation, context)).management();
  const namespaces = await management.namespaces(parent, optionNumber(invocation, 'max-depth'));
  if (format !== 'text') {
    const data = namespaces.map(({ namespace: ns, comment }) => ({ ns, comment }));
    printJson(context, format, { data });
  } else {
    const lines = namespaces.filter(({ namespace }) => namespace !== '').map((info) => `${line(info)}\n`);
    context.stdout.write(lines.join(''));
  }
  return ExitCode.done;
}

const CREATE = ['namespace', 'create'];

async function create(invocation: Invocation, context: Context): Promise<number> {
  const namespace = levelOf(invocation, context, CREATE);
  await (await changedRepository(invocation, context)).management().createNamespace(namespace);
  return ExitCode.done;
}

const DELETE = ['namespace', 'delete'];

async function remove(invocation: Invocation, context: Context): Promise<number> {
  const namespace = levelOf(invocation, context, DELETE);
  const groups = optionFlag(invocation, 'delete-groups');
  const management = (await changedRepository(invocation, context)).management();
  await management.deleteNamespace(namespace, { ...lockWait(invocation, context), groups });
  return ExitCode.done;
}

const MOVE = ['namespace', 'move'];

async function move(invocation: Invocation, context: Context): Promise<number> {
  const source = levelOf(invocation, context, MOVE);
  const target = targetOf(invocation, MOVE);
  const management = (await changedRepository(invocation, context)).management();
  const maxDepth = optionNumber(invocation, 'max-depth');
  const upid = await management.moveNamespace(source, target, {
    ...(maxDepth === undefined ? {} : { maxDepth }),
    deleteSource: invocation.options.get('delete-source') !== false,
    mergeGroups: invocation.options.get('merge-groups') !== false,
  });
  return startedTask(invocation, context, management.tasks, upid);
}

/** Value of `--target-ns`; an empty one is the root. Throws UsageError. */
export function targetOf(invocation: Invocation, command: readonly string[]): Namespace {
  const text = optionString(invocation, 'target-ns');
  if (text === undefined) throw new UsageError('--target-ns is needed', command);
  return parseWords(command, () => parseNamespace(text));
}

export const targetOption: OptionSpec = {
  type: 'string',
  placeholder: 'NAMESPACE',
  description: "where to; '' is the root",
};

export const namespaceCommands: readonly CommandSpec[] = [
  {
    path: LIST,
    description: 'List namespaces, each with its whole name.',
    positionals: [namespacePositional],
    options: { ...repositoryOptions, ...formatOptions, 'max-depth': depthOption },
    run: list,
  },
  {
    path: CREATE,
    description: 'Make a namespace; the one above it must exist.',
    positionals: [namespacePositional],
    options: { ...repositoryOptions },
    run: create,
  },
  {
    path: DELETE,
    description: 'Delete a namespace and those below it, as far as they are empty.',
    positionals: [namespacePositional],
    options: {
      ...repositoryOptions,
      ...lockOptions,
      'delete-groups': { type: 'boolean', description: 'delete the groups in them, too' },
    },
    run: remove,
  },
  {
    path: MOVE,
    description: 'Move a namespace of a server below another one.',
    positionals: [namespacePositional],
    options: {
      ...repositoryOptions,
      ...formatOptions,
      'target-ns': targetOption,
      'max-depth': depthOption,
      'delete-source': { type: 'boolean', default: 'true', description: 'delete what has become empty' },
      'merge-groups': {
        type: 'boolean',
        default: 'true',
        description: 'join groups that the target has, too',
      },
    },
    run: move,
  },
];
