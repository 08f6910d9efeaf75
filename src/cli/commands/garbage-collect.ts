/** `restat garbage-collect`: deletes chunks that no snapshot needs. */
import { type CommandSpec, formatOptions, type Invocation, serverOptions } from '../command.js';
import type { Context } from '../context.js';
import { changedRepository } from '../repository.js';
import { startedTask } from './task-follow.js';

async function run(invocation: Invocation, context: Context): Promise<number> {
  const management = (await changedRepository(invocation, context)).management();
  return startedTask(invocation, context, management.tasks, await management.collectGarbage());
}

export const garbageCollectCommand: CommandSpec = {
  path: ['garbage-collect'],
  description: "Delete a server's chunks that no snapshot needs, and follow that. JSON: only start it.",
  positionals: [],
  options: { ...serverOptions, ...formatOptions },
  run,
};
