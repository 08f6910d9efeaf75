/** The one list of commands. */
import type { CommandSpec } from './command.js';
import { backupCommand } from './commands/backup.js';
import { catalogCommands } from './commands/catalog.js';
import { datastoreCommands } from './commands/datastore.js';
import { helpCommand } from './commands/help.js';
import { listCommand } from './commands/list.js';
import { restoreCommand } from './commands/restore.js';
import { snapshotCommands } from './commands/snapshot.js';
import { versionCommand } from './commands/version.js';

export const commands: readonly CommandSpec[] = [
  backupCommand,
  ...catalogCommands,
  ...datastoreCommands,
  helpCommand(() => commands),
  listCommand,
  restoreCommand,
  ...snapshotCommands,
  versionCommand,
];
