/** `restat version` and `restat server-identity`. */
import type { ServerVersion } from '../../repository/management.js';
import { type CommandSpec, formatOptions, type Invocation, serverOptions } from '../command.js';
import { type Context, outputFormat, printJson } from '../context.js';
import { ExitCode } from '../errors.js';
import { commandRepository } from '../repository.js';
import { namedRepository } from '../server-options.js';
import { VERSION } from '../version.js';

/** The version of the server that is named, if one is and it can be reached. */
async function serverVersion(invocation: Invocation, context: Context): Promise<ServerVersion | undefined> {
  try {
    if ((await namedRepository(invocation, context))?.kind !== 'pbs') return undefined;
    const repository = await commandRepository(invocation, context);
    return await repository.management().serverVersion();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.stderr.write(`Warning: the server's version is unknown: ${reason}\n`);
    return undefined;
  }
}

/** Major and minor version, and the patch level. */
function clientVersion(): ServerVersion {
  const [, version = VERSION, release = '0'] = /^(\d+\.\d+)\.(\d+)$/.exec(VERSION) ?? [];
  return { version, release, repoid: '' };
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const server = await serverVersion(invocation, context);
  if (format !== 'text') {
    printJson(context, format, { client: { ...clientVersion() }, server: server && { ...server } });
    return ExitCode.done;
  }
  context.stdout.write(`client version: ${VERSION}\n`);
  if (server !== undefined) context.stdout.write(`server version: ${server.version}.${server.release}\n`);
  return ExitCode.done;
}

async function identity(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const id = await (await commandRepository(invocation, context)).management().serverIdentity();
  if (format === 'text') context.stdout.write(`pbs-instance-id: ${id}\n`);
  else printJson(context, format, { 'pbs-instance-id': id });
  return ExitCode.done;
}

export const versionCommands: readonly CommandSpec[] = [
  {
    path: ['version'],
    description: 'Print the version, and that of the server if one is named.',
    positionals: [],
    options: { ...serverOptions, ...formatOptions },
    run,
  },
  {
    path: ['server-identity'],
    description: "Print the name of a server's installation.",
    positionals: [],
    options: { ...serverOptions, ...formatOptions },
    run: identity,
  },
];
