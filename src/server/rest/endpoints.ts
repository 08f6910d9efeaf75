/** All calls of the REST API. rest-api.md §2–4. */
import type { Endpoint, OpenEndpoint } from '../http/endpoint.js';
import { changeOwner } from './change-owner.js';
import { datastoreList, garbageStatus, status } from './datastores.js';
import { identity, ping, version } from './general.js';
import { deleteGroup, groupList } from './groups.js';
import * as later from './later.js';
import { login, logout } from './login.js';
import { createNamespace, deleteNamespace, namespaceList } from './namespaces.js';
import { groupNotes, isProtected, notes, setGroupNotes, setNotes, setProtected } from './notes.js';
import { pruneGroup } from './prune.js';
import { pruneDatastore } from './prune-datastore.js';
import { deleteSnapshot, fileList, snapshotList } from './snapshots.js';
import { download, uploadLog } from './stored-files.js';
import { stopTask, taskList, taskLog, taskStatus } from './tasks.js';
import { users } from './users.js';

/** Those that need a login. */
export const endpoints: readonly Endpoint[] = [
  version,
  identity,
  users,
  datastoreList,
  status,
  garbageStatus,
  groupList,
  deleteGroup,
  snapshotList,
  deleteSnapshot,
  fileList,
  notes,
  setNotes,
  groupNotes,
  setGroupNotes,
  isProtected,
  setProtected,
  changeOwner,
  pruneGroup,
  pruneDatastore,
  namespaceList,
  createNamespace,
  deleteNamespace,
  download,
  uploadLog,
  taskList,
  taskStatus,
  taskLog,
  stopTask,
  ...Object.values(later),
];

/** Those that need none. */
export const openEndpoints: readonly OpenEndpoint[] = [ping, login, logout];
