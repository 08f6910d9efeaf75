/** Which repository a command works on, in all the ways to name one. protocol.md §1.2, cli.md §1.4. */
import { parseRepository, type RepositorySpec } from '../repository/open.js';
import { isAuthId, type PbsSpec, pbsSpec } from '../repository/pbs/repository-string.js';
import { type Invocation, optionNumber, optionString } from './command.js';
import type { Context } from './context.js';
import { UsageError } from './errors.js';
import { optionalSecret } from './secrets.js';
import { parseWords } from './usage.js';

const ATOMS = ['server', 'port', 'datastore', 'auth-id'] as const;

/** Options and variables by which the parts of a repository are named; what cannot be understood of variables is not set. */
function namedParts(invocation: Invocation, { env }: Context): Partial<PbsSpec> {
  const port = Number(env['PBS_PORT'] || Number.NaN);
  const user = env['PBS_AUTH_ID'] ?? '';
  const host = optionString(invocation, 'server') ?? (env['PBS_SERVER'] || undefined);
  const store = optionString(invocation, 'datastore') ?? (env['PBS_DATASTORE'] || undefined);
  const authId = optionString(invocation, 'auth-id') ?? (isAuthId(user) ? user : undefined);
  const chosen =
    optionNumber(invocation, 'port') ??
    (Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined);
  return {
    ...(host === undefined ? {} : { host }),
    ...(store === undefined ? {} : { store }),
    ...(authId === undefined ? {} : { authId }),
    ...(chosen === undefined ? {} : { port: chosen }),
  };
}

/**
 * The repository that options, or else the environment, name; undefined where none is named. Throws UsageError, also for what speaks
 * of a server when the repository is a directory.
 */
export async function namedRepository(
  invocation: Invocation,
  context: Context,
): Promise<RepositorySpec | undefined> {
  const spec = await findRepository(invocation, context);
  if (spec?.kind === 'pbs') return spec;
  for (const name of ['rate', 'burst']) {
    if (invocation.options.has(name))
      throw new UsageError(
        `--${name} limits a network connection, and a datastore directory has none; leave it out`,
      );
  }
  return spec;
}

async function findRepository(invocation: Invocation, context: Context): Promise<RepositorySpec | undefined> {
  const text = optionString(invocation, 'repository');
  const atom = ATOMS.find((name) => invocation.options.has(name));
  if (text !== undefined && atom !== undefined)
    throw new UsageError(`--repository and --${atom} exclude each other`);
  if (text !== undefined) return parseWords([], () => parseRepository(text));
  if (atom === undefined) {
    const fallback = await optionalSecret(context.env, 'PBS_REPOSITORY', (message) => {
      context.stderr.write(`Warning: ${message}\n`);
    });
    if (fallback !== undefined) return parseWords([], () => parseRepository(fallback));
  }
  const { store, ...parts } = namedParts(invocation, context);
  if (store !== undefined) return parseWords([], () => pbsSpec({ ...parts, store }));
  if (atom !== undefined) throw new UsageError(`--${atom} names a server: --datastore is needed, too`);
  return undefined;
}
