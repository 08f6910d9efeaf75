/** Snapshots and their files. rest-api.md §3.1, §3.2. */
import { describeSnapshot, listGroups, listSnapshots, readOwner } from '../../repository/local/catalogue.js';
import { snapshotDirectory } from '../../repository/local/layout.js';
import { exists } from '../../repository/local/removal.js';
import type { FileInfo, SnapshotInfo } from '../../repository/repository.js';
import { formatSnapshot, type GroupName } from '../../snapshot/names.js';
import { CallError } from '../http/call-error.js';
import { endpoint } from '../http/endpoint.js';
import { SELECTION, SNAPSHOT, snapshotFields } from '../specs.js';
import { enter, enterSnapshot, mayHave, NO_WAIT, type Place } from './place.js';
import { ENOENT, inWords, NO_FILE } from './words.js';

const SEES = { full: ['Datastore.Audit'], own: ['Datastore.Backup'] } as const;

/** Without what only restat notes. */
function fileItem({ filename, size, cryptMode }: FileInfo): Record<string, unknown> {
  return {
    filename,
    ...(cryptMode === undefined ? {} : { 'crypt-mode': cryptMode }),
    ...(size === undefined ? {} : { size }),
  };
}

function snapshotItem(info: SnapshotInfo): Record<string, unknown> {
  const { snapshot, comment, fingerprint, verification, owner } = info;
  return {
    ...snapshotFields(snapshot),
    files: info.files.map(fileItem),
    ...(info.finished ? { size: info.size } : {}),
    ...(comment === undefined ? {} : { comment }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(verification === undefined ? {} : { verification }),
    ...(owner === undefined ? {} : { owner }),
    protected: info.protected,
  };
}

/** Groups that were asked for. A group need not exist. */
async function groupsOf(
  { datastore, namespace }: Place,
  type: string | undefined,
  id: string | undefined,
): Promise<GroupName[]> {
  return (await listGroups(datastore.directory, namespace)).filter(
    (group) => (type === undefined || group.type === type) && (id === undefined || group.id === id),
  );
}

/** Snapshots that the caller may see, by group and from the oldest on. */
export const snapshotList = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/snapshots',
  parameters: SELECTION,
  async run({ context, values, signal }, caller) {
    const place = enter(context, caller, values, SEES);
    const { datastore, namespace } = place;
    const data: unknown[] = [];
    for (const group of await groupsOf(place, values['backup-type'], values['backup-id'])) {
      const owner = await readOwner(datastore.directory, namespace, group);
      if (!mayHave(place, owner)) continue;
      for (const snapshot of await listSnapshots(datastore.directory, namespace, group)) {
        signal.throwIfAborted();
        data.push(snapshotItem(await describeSnapshot(datastore.directory, namespace, snapshot, owner)));
      }
    }
    return { data };
  },
});

export const deleteSnapshot = endpoint({
  method: 'DELETE',
  path: 'admin/datastore/{store}/snapshots',
  parameters: SNAPSHOT,
  async run({ context, values }, caller) {
    const place = await enterSnapshot(context, caller, values, {
      full: ['Datastore.Modify'],
      own: ['Datastore.Prune'],
    });
    const { datastore, namespace, snapshot } = place;
    const directory = snapshotDirectory(datastore.directory, namespace, snapshot);
    try {
      await datastore.repository.forget(namespace, snapshot, NO_WAIT);
    } catch (error) {
      throw notDeleted(error, directory);
    }
    return { data: null };
  },
});

/** A server quotes the reason. */
function notDeleted(error: unknown, directory: string): unknown {
  const missing = `removing backup snapshot ${JSON.stringify(directory)} failed - ${NO_FILE}`;
  const said = inWords(error, {
    SNAPSHOT_MISSING: missing,
    SNAPSHOT_PROTECTED: 'cannot remove protected snapshot',
  });
  if (!(said instanceof CallError)) return said;
  return new CallError(said.status, `failed to delete snapshot - ${JSON.stringify(said.message)}`, {
    cause: error,
  });
}

/** Files of one finished snapshot. */
export const fileList = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/files',
  parameters: SNAPSHOT,
  async run({ context, values }, caller) {
    const place = await enterSnapshot(context, caller, values, {
      full: ['Datastore.Audit', 'Datastore.Read'],
      own: ['Datastore.Backup'],
    });
    const { datastore, namespace, snapshot } = place;
    const directory = snapshotDirectory(datastore.directory, namespace, snapshot);
    if (!(await exists(directory))) throw new CallError(400, ENOENT);
    const info = await describeSnapshot(datastore.directory, namespace, snapshot, undefined);
    if (info.problem !== undefined) throw new CallError(400, info.problem);
    if (!info.finished)
      throw new CallError(400, `manifest not found for snapshot '${formatSnapshot(snapshot)}'`);
    return { data: info.files.map(fileItem) };
  },
});
