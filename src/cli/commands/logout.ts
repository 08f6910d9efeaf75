/** `restat logout`: forgets the ticket of a login. cli.md §5. */
import { type CommandSpec, type Invocation, serverOptions } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode } from '../errors.js';
import { userAtServer } from './login.js';

const PATH = ['logout'];

async function run(invocation: Invocation, context: Context): Promise<number> {
  const { host, authId } = await userAtServer(invocation, context, PATH);
  const { ticketCache } = await import('../server-connection.js');
  const forgotten = await (await ticketCache(context))?.forget(host, authId);
  if (forgotten !== true) context.stderr.write(`Warning: there is no ticket of ${authId} for ${host}\n`);
  return ExitCode.done;
}

export const logoutCommand: CommandSpec = {
  path: PATH,
  description: 'Forget the ticket of a login at a server.',
  positionals: [],
  options: serverOptions,
  run,
};
