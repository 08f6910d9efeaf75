/** The one list of commands. */
import type { CommandSpec } from './command.js';
import { backupCommand } from './commands/backup.js';
import { benchmarkCommand } from './commands/benchmark.js';
import { catCommand } from './commands/cat.js';
import { catalogCommands } from './commands/catalog.js';
import { changeOwnerCommand } from './commands/change-owner.js';
import { datastoreCommands } from './commands/datastore.js';
import { diffCommand } from './commands/diff.js';
import { findCommand } from './commands/find.js';
import { garbageCollectCommand } from './commands/garbage-collect.js';
import { groupCommands } from './commands/group.js';
import { helpCommand } from './commands/help.js';
import { keyCommands } from './commands/key.js';
import { listCommand } from './commands/list.js';
import { loginCommand } from './commands/login.js';
import { logoutCommand } from './commands/logout.js';
import { lsCommand } from './commands/ls.js';
import { namespaceCommands } from './commands/namespace.js';
import { pruneCommand } from './commands/prune.js';
import { restoreCommand } from './commands/restore.js';
import { serveCommands } from './commands/serve.js';
import { snapshotCommands } from './commands/snapshot.js';
import { statusCommand } from './commands/status.js';
import { taskCommands } from './commands/task.js';
import { verifyCommand } from './commands/verify.js';
import { versionCommands } from './commands/version.js';

export const commands: readonly CommandSpec[] = [
  backupCommand,
  benchmarkCommand,
  catCommand,
  ...catalogCommands,
  changeOwnerCommand,
  ...datastoreCommands,
  diffCommand,
  findCommand,
  garbageCollectCommand,
  ...groupCommands,
  helpCommand(() => commands),
  ...keyCommands,
  listCommand,
  loginCommand,
  logoutCommand,
  lsCommand,
  ...namespaceCommands,
  pruneCommand,
  restoreCommand,
  ...serveCommands,
  ...snapshotCommands,
  statusCommand,
  ...taskCommands,
  verifyCommand,
  ...versionCommands,
];
