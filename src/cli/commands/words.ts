/** Groups and snapshots as positionals of a command. */
import { type GroupName, parseGroup, parseSnapshot, type SnapshotName } from '../../snapshot/names.js';
import { type Invocation, type PositionalSpec, positional } from '../command.js';
import { parseWords } from '../usage.js';

export const groupPositional: PositionalSpec = { name: 'group', description: 'type/id' };
export const snapshotPositional: PositionalSpec = { name: 'snapshot', description: 'type/id/time' };

/** The positional `group`. Throws UsageError for the command. */
export function groupOf(invocation: Invocation, command: readonly string[]): GroupName {
  return parseWords(command, () => parseGroup(positional(invocation, 'group')));
}

/** The positional `snapshot`. Throws UsageError for the command. */
export function snapshotOf(invocation: Invocation, command: readonly string[]): SnapshotName {
  return parseWords(command, () => parseSnapshot(positional(invocation, 'snapshot')));
}
