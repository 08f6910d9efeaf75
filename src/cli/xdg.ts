/** Where files of a user lie, shared with the reference client. protocol.md §1.4. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

const PREFIX = 'proxmox-backup';

/** A directory that a variable names: as the XDG specification has it, relative ones do not count. */
function named(value: string | undefined): string | undefined {
  return value?.startsWith('/') ? value : undefined;
}

/** A file in the user's configuration; `home` is used where `$XDG_CONFIG_HOME` is not set. */
export function configFile(env: NodeJS.ProcessEnv, home: string, name: string): string {
  return join(named(env['XDG_CONFIG_HOME']) ?? join(home, '.config'), PREFIX, name);
}

/** The places in which such a file is looked for, best first: the user's own, then those of the machine. cli.md §2.3. */
export function configSearch(env: NodeJS.ProcessEnv, home: string, name: string): string[] {
  const machine = (env['XDG_CONFIG_DIRS'] || '/etc/xdg')
    .split(':')
    .filter((directory) => directory.startsWith('/'));
  return [configFile(env, home, name), ...machine.map((directory) => join(directory, PREFIX, name))];
}

/** A file that lives as long as the user's session; undefined where no such place is safe: of another user, or open to others. */
export async function runtimeFile(env: NodeJS.ProcessEnv, name: string): Promise<string | undefined> {
  const directory = named(env['XDG_RUNTIME_DIR']);
  if (directory === undefined) return undefined;
  const stat = await lstat(directory).catch(() => undefined);
  const safe = stat?.isDirectory() && stat.uid === process.geteuid?.() && (stat.mode & 0o7777) === 0o700;
  return safe ? join(directory, PREFIX, name) : undefined;
}
