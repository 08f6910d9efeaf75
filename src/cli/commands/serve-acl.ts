/** `restat serve acl set|remove|list`: who may do what on a server. */
import type { AclRequest } from '../../server/access/access-changes.js';
import type { AclEntry } from '../../server/access/acl.js';
import { ROLE_NAMES } from '../../server/access/roles.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  type PositionalSpec,
  positional,
} from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode } from '../errors.js';
import type { Column } from '../output/table.js';
import { accessOptions, changeAccess, serverAccess, stateOptions } from './serve-options.js';

const SET = ['serve', 'acl', 'set'];
const REMOVE = ['serve', 'acl', 'remove'];

const entry: readonly PositionalSpec[] = [
  { name: 'path', description: '/, /datastore, /datastore/STORE[/NAMESPACE], /system or /system/tasks' },
  { name: 'auth-id', description: 'user or API token' },
  { name: 'role', description: ROLE_NAMES.join(', ') },
];

function requestOf(invocation: Invocation): AclRequest {
  const [path, authId, role] = [
    positional(invocation, 'path'),
    positional(invocation, 'auth-id'),
    positional(invocation, 'role'),
  ];
  return { path, authId, role };
}

async function set(invocation: Invocation, context: Context): Promise<number> {
  const propagate = invocation.options.get('propagate') !== false;
  const access = serverAccess(invocation, context);
  await changeAccess(SET, () => access.setAcl(requestOf(invocation), { propagate }));
  return ExitCode.done;
}

async function remove(invocation: Invocation, context: Context): Promise<number> {
  const access = serverAccess(invocation, context);
  await changeAccess(REMOVE, () => access.removeAcl(requestOf(invocation)));
  return ExitCode.done;
}

const columns: readonly Column<AclEntry>[] = [
  { header: 'path', value: ({ path }) => path },
  { header: 'ugid', value: ({ authId }) => authId },
  { header: 'roleid', value: ({ role }) => role },
  { header: 'propagate', value: ({ propagate }) => propagate },
];

async function list(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const { acl } = await serverAccess(invocation, context).load();
  const json = acl.map(({ path, authId, role, propagate }) => ({
    path,
    ugid: authId,
    roleid: role,
    propagate,
  }));
  printTable(context, format, json, columns, acl);
  return ExitCode.done;
}

export const serveAclCommands: readonly CommandSpec[] = [
  {
    path: SET,
    description: 'Give a user or API token of `serve` a role on a path.',
    positionals: entry,
    options: {
      ...accessOptions,
      propagate: { type: 'boolean', default: 'true', description: 'also on what is below the path' },
    },
    run: set,
  },
  {
    path: REMOVE,
    description: 'Take a role on a path from a user or API token of `serve`.',
    positionals: entry,
    options: accessOptions,
    run: remove,
  },
  {
    path: ['serve', 'acl', 'list'],
    description: 'List who has which role where on `serve`.',
    positionals: [],
    options: { ...stateOptions, ...formatOptions },
    run: list,
  },
];
