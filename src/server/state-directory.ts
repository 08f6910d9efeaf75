/** Names in the directory in which a server keeps its state. */
import { join } from 'node:path';

/** Users, tokens and permissions. */
export function accessFile(stateDirectory: string): string {
  return join(stateDirectory, 'access.json');
}

/** What tickets are signed with. */
export function keysFile(stateDirectory: string): string {
  return join(stateDirectory, 'keys.json');
}

/** Logs of tasks. */
export function tasksDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'tasks');
}
