/** A directory in which `restat key` runs, with the recorded keys in it. */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunOptions, type RunResult, restat } from '../support/cli.js';
import { withTemporaryDirectory } from '../support/world.js';

const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));
/** Seconds after which a program that waits for what is never typed is ended. */
const PATIENCE = '120';

type Environment = Readonly<Record<string, string>>;

export interface KeyWorld {
  readonly directory: string;
  /** The default place of the key. */
  readonly defaultKey: string;
  readonly defaultMaster: string;
  /** Runs `restat key ARGS…` there. */
  run(args: readonly string[], env?: Environment, wrapper?: readonly string[]): Promise<RunResult>;
  /** The same at a terminal, at which these texts are typed when those appear. */
  type(args: readonly string[], env: Environment, steps: readonly [string, string][]): Promise<RunResult>;
  read(name: string): Promise<string>;
  write(name: string, content: string | Buffer): Promise<void>;
}

/** Calls `use` with copies of the recorded keys, `master-private.pem`, and the encrypted key as `sealed.blob`. */
export function withKeys<T>(use: (world: KeyWorld) => Promise<T>): Promise<T> {
  return withTemporaryDirectory(async (directory) => {
    const at = (name: string): string => join(directory, name);
    await cp(join(FIXTURES, 'keys'), at('keys'), { recursive: true });
    await cp(join(FIXTURES, 'blobs/encrypt-scrypt/rsa-encrypted.key.blob'), at('keys/sealed.blob'));
    await writeFile(
      at('keys/master-private.pem'),
      execFileSync('zstd', ['-dc', at('keys/master-private.pem.zst')]),
    );
    await mkdir(at('home'));
    await chmod(at('home'), 0o755);
    const start = (
      args: readonly string[],
      env: Environment,
      wrapper: readonly string[],
    ): Promise<RunResult> => {
      const options: RunOptions = {
        env: { HOME: at('home'), LC_ALL: 'C.UTF-8', RESTAT_DEBUG: '1', ...env },
        wrapper: ['env', '-C', directory, ...wrapper],
      };
      return restat(['key', ...args], options);
    };
    return use({
      directory,
      defaultKey: at('home/.config/proxmox-backup/encryption-key.json'),
      defaultMaster: at('home/.config/proxmox-backup/master-public.pem'),
      run: (args, env = {}, wrapper = []) => start(args, env, wrapper),
      type: (args, env, steps) =>
        start(args, env, ['timeout', PATIENCE, 'python3', TERMINAL, JSON.stringify(steps)]),
      read: (name) => readFile(at(name), 'utf8'),
      write: (name, content) => writeFile(at(name), content),
    });
  });
}
