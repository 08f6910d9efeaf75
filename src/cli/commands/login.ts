/** `restat login`: keeps a ticket for later commands, of restat and of the reference client. cli.md §5. */
import { isToken, type PbsSpec } from '../../repository/pbs/repository-string.js';
import { ServerError } from '../../repository/pbs/server-error.js';
import { type CommandSpec, type Invocation, serverOptions } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { namedRepository } from '../server-options.js';

const PATH = ['login'];

/** The server of a login or logout. Throws UsageError for a directory, for nothing, and for an API token. */
export async function userAtServer(
  invocation: Invocation,
  context: Context,
  path: readonly string[],
): Promise<PbsSpec> {
  const spec = await namedRepository(invocation, context);
  if (spec?.kind !== 'pbs') throw new UsageError('a server is needed: --repository, or --datastore', path);
  if (isToken(spec.authId))
    throw new UsageError(`${spec.authId} is an API token, which needs no login: its secret is enough`, path);
  return spec;
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const spec = await userAtServer(invocation, context, PATH);
  const { firstLogin, serverSession } = await import('../server-connection.js');
  const options = await serverSession(spec, invocation, context);
  if (options.tickets === undefined) {
    const why = '$XDG_RUNTIME_DIR has to name a directory of yours with mode 0700';
    throw new ServerError('SERVER_LOGIN', `there is no place to keep a ticket: ${why}`);
  }
  await firstLogin(options);
  return ExitCode.done;
}

export const loginCommand: CommandSpec = {
  path: PATH,
  description: 'Log in at a server, so that later commands need no password for two hours.',
  positionals: [],
  options: serverOptions,
  run,
};
