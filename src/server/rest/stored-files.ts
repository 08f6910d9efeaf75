/** Files of a snapshot as they are stored. rest-api.md §3.2. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../repository/errors.js';
import { snapshotDirectory } from '../../repository/local/layout.js';
import { checkContainer } from '../../snapshot/blob.js';
import { BlobError } from '../../snapshot/errors.js';
import { CallError } from '../http/call-error.js';
import { type Call, type Caller, endpoint, type Reply } from '../http/endpoint.js';
import { FILE_NAME, SNAPSHOT } from '../specs.js';
import { enterSnapshot, managementOf, NO_WAIT } from './place.js';
import { withWords } from './words.js';

/** Longest client log, in bytes as it is sent. */
const LOG_LIMIT = 16 * 1024 * 1024;

/** Opens a regular file; the same answer for whatever cannot be had. Throws CallError 404. */
async function openFile(path: string): Promise<FileHandle> {
  const notFound = (cause?: unknown): CallError =>
    new CallError(404, `open file ${JSON.stringify(path)} failed - not found`, { cause });
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(systemCode(error)) ? notFound(error) : error;
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw notFound();
}

/** The file's bytes as they are now: it is never changed, only replaced. */
async function streamOf(path: string): Promise<Reply> {
  const file = await openFile(path);
  const { size } = await file.stat();
  if (size > 0) return { stream: file.createReadStream({ start: 0, end: size - 1 }), length: size };
  await file.close();
  return { bytes: Buffer.alloc(0) };
}

/** A file as it is stored. */
export const download = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/download',
  parameters: { ...SNAPSHOT, 'file-name': FILE_NAME },
  async run({ context, values }, caller) {
    const place = await enterSnapshot(context, caller, values, {
      full: ['Datastore.Read'],
      own: ['Datastore.Backup'],
    });
    const { snapshot } = place;
    const { datastore, namespace } = place;
    const directory = snapshotDirectory(datastore.directory, namespace, snapshot);
    return streamOf(join(directory, values['file-name']));
  },
});

/** Throws CallError 400 in a server's words for what is no whole blob. */
function checkBlob(bytes: Buffer): void {
  try {
    checkContainer(bytes, 'client.log.blob');
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    const said = {
      BLOB_MAGIC: 'unable to parse raw blob - wrong magic',
      BLOB_CRC: 'Data blob has wrong CRC checksum.',
    };
    const text = error.code === 'BLOB_MAGIC' || error.code === 'BLOB_CRC' ? said[error.code] : error.message;
    throw new CallError(400, text, { cause: error });
  }
}

/** Lets who may upload a log to its snapshot. Throws as `enterSnapshot`. */
function enterForLog(
  { context, values }: Pick<Call<typeof SNAPSHOT>, 'context' | 'values'>,
  caller: Caller,
): ReturnType<typeof enterSnapshot> {
  return enterSnapshot(context, caller, values, { full: [], own: ['Datastore.Backup'] });
}

/** The client's log of a backup, once; only for who owns the group. */
export const uploadLog = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/upload-backup-log',
  parameters: SNAPSHOT,
  bodyLimit: LOG_LIMIT,
  admit: enterForLog,
  async run({ context, values, body }, caller) {
    // Once more: while the body came, the group may have got another owner.
    const place = await enterForLog({ context, values }, caller);
    const { snapshot } = place;
    checkBlob(body);
    await withWords({ LOG_EXISTS: 'backup already contains a log.' }, () =>
      managementOf(place).uploadLog(place.namespace, snapshot, body, NO_WAIT),
    );
    return { data: null };
  },
});
