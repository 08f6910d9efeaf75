/** `restat serve user …` and `restat serve token …`: who may log in at a server. */
import type { AccessFile } from '../../server/access/access-file.js';
import { type ListedToken, type ListedUser, listUsers } from '../../server/access/user-list.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  type OptionSpec,
  optionFlag,
  optionNumber,
  optionString,
  type PositionalSpec,
  positional,
} from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { formatLocalTime } from '../output/human.js';
import type { Json } from '../output/json.js';
import type { Column } from '../output/table.js';
import { accessOptions, changeAccess, serverAccess, stateOptions } from './serve-options.js';
import { newPassword } from './serve-password.js';

const USER = ['serve', 'user'];
const TOKEN = ['serve', 'token'];

const userPositional: PositionalSpec = { name: 'user', description: 'name@realm; any realm will do' };
const tokenPositional: PositionalSpec = { name: 'token', description: 'user@realm!name' };

const accountOptions = {
  comment: { type: 'string', placeholder: 'TEXT', description: 'one line about it, at most 128 characters' },
  expire: {
    type: 'integer',
    minimum: 0,
    placeholder: 'EPOCH',
    description: 'seconds since 1970 from which on it is refused; 0 is never',
    default: '0',
  },
} as const satisfies Record<string, OptionSpec>;

function account(invocation: Invocation): { comment: string | undefined; expire: number | undefined } {
  return { comment: optionString(invocation, 'comment'), expire: optionNumber(invocation, 'expire') };
}

/** A command that changes the file of users, and says nothing when it is done. */
function change(
  path: readonly string[],
  work: (access: AccessFile, invocation: Invocation, context: Context) => Promise<void>,
): CommandSpec['run'] {
  return async (invocation, context) => {
    await changeAccess(path, () => work(serverAccess(invocation, context), invocation, context));
    return ExitCode.done;
  };
}

const ADD_USER = [...USER, 'add'];

async function addUser(access: AccessFile, invocation: Invocation, context: Context): Promise<void> {
  const password = optionFlag(invocation, 'no-password') ? undefined : await newPassword(context, ADD_USER);
  await access.addUser(positional(invocation, 'user'), account(invocation), password);
}

async function setPassword(access: AccessFile, invocation: Invocation, context: Context): Promise<void> {
  const password = await newPassword(context, [...USER, 'password']);
  await access.setPassword(positional(invocation, 'user'), password);
}

type Row = Omit<ListedUser, 'userid' | 'tokens'> & { readonly id: string };

function columns(header: string): readonly Column<Row>[] {
  return [
    { header, value: ({ id }) => id },
    { header: 'enable', value: ({ enable }) => enable },
    { header: 'expire', value: ({ expire }) => (expire === 0 ? 'never' : formatLocalTime(expire)) },
    { header: 'comment', value: ({ comment }) => comment },
  ];
}

function tokenJson({ tokenid, enable, expire, comment }: ListedToken): Json {
  return { tokenid, enable, expire, comment };
}

async function listAllUsers(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const users = listUsers(await serverAccess(invocation, context).load());
  const json = users.map(({ userid, enable, expire, comment, tokens }): Json => {
    return { userid, enable, expire, comment, tokens: tokens.map(tokenJson) };
  });
  const rows = users.map(({ userid, enable, expire, comment }): Row => {
    return { id: userid, enable, expire, ...(comment === undefined ? {} : { comment }) };
  });
  printTable(context, format, json, columns('userid'), rows);
  return ExitCode.done;
}

async function listTokens(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const only = positional(invocation, 'user');
  const users = listUsers(await serverAccess(invocation, context).load());
  if (only !== '' && !users.some(({ userid }) => userid === only))
    throw new UsageError(`there is no user ${only}`, [...TOKEN, 'list']);
  const tokens = users.filter(({ userid }) => only === '' || userid === only).flatMap((user) => user.tokens);
  const rows = tokens.map(({ tokenid: id, ...rest }): Row => ({ id, ...rest }));
  printTable(context, format, tokens.map(tokenJson), columns('tokenid'), rows);
  return ExitCode.done;
}

/** The secret is printed here and never again. */
async function addToken(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const tokenid = positional(invocation, 'token');
  const value = await changeAccess([...TOKEN, 'add'], () =>
    serverAccess(invocation, context).addToken(tokenid, account(invocation)),
  );
  const rows = [
    ['tokenid', tokenid],
    ['value', value],
  ] as const;
  const shown: readonly Column<(typeof rows)[number]>[] = [
    { header: 'key', value: ([key]) => key },
    { header: 'value', value: ([, text]) => text },
  ];
  printTable(context, format, { tokenid, value }, shown, rows);
  return ExitCode.done;
}

const userCommands: readonly CommandSpec[] = [
  {
    path: ADD_USER,
    description: 'Add a user to those of `serve`; the password is asked for, or that of $PBS_PASSWORD.',
    positionals: [userPositional],
    options: {
      ...accessOptions,
      ...accountOptions,
      'no-password': { type: 'boolean', description: 'only the tokens of the user let in' },
    },
    run: change(ADD_USER, addUser),
  },
  {
    path: [...USER, 'list'],
    description: 'List the users of `serve`.',
    positionals: [],
    options: { ...stateOptions, ...formatOptions },
    run: listAllUsers,
  },
  {
    path: [...USER, 'remove'],
    description: 'Remove a user of `serve` with all tokens and permissions.',
    positionals: [userPositional],
    options: accessOptions,
    run: change([...USER, 'remove'], (access, invocation) =>
      access.removeUser(positional(invocation, 'user')),
    ),
  },
  {
    path: [...USER, 'password'],
    description: 'Give a user of `serve` another password, asked for as with `serve user add`.',
    positionals: [userPositional],
    options: accessOptions,
    run: change([...USER, 'password'], setPassword),
  },
];

const tokenCommands: readonly CommandSpec[] = [
  {
    path: [...TOKEN, 'add'],
    description: 'Make an API token for a user of `serve` and print its secret, this once.',
    positionals: [tokenPositional],
    options: { ...accessOptions, ...accountOptions, ...formatOptions },
    run: addToken,
  },
  {
    path: [...TOKEN, 'list'],
    description: 'List the API tokens of `serve`.',
    positionals: [{ name: 'user', optional: true, description: 'only those of this one' }],
    options: { ...stateOptions, ...formatOptions },
    run: listTokens,
  },
  {
    path: [...TOKEN, 'remove'],
    description: 'Remove an API token of `serve` with its permissions.',
    positionals: [tokenPositional],
    options: accessOptions,
    run: change([...TOKEN, 'remove'], (access, invocation) =>
      access.removeToken(positional(invocation, 'token')),
    ),
  },
];

export const serveAccountCommands: readonly CommandSpec[] = [...userCommands, ...tokenCommands];
