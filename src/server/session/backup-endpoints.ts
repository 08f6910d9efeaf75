/** The calls of a backup session. protocol.md §5.1. */

import { FILE_NAME } from '../specs.js';
import type { BackupCalls } from './backup-calls.js';
import { HEX_DIGEST, HEX_DIGESTS, OFFSETS } from './parameter-kinds.js';
import { listing, type SessionEndpoint, sessionEndpoint } from './session-endpoint.js';
import { MAX_ENCODED, MAX_IMAGE, MAX_PLAIN, MAX_WRITERS } from './session-limits.js';

const WID = { kind: 'integer', min: 1, max: MAX_WRITERS } as const;
const CHUNK = {
  wid: WID,
  digest: HEX_DIGEST,
  size: { kind: 'integer', min: 1, max: MAX_PLAIN },
  'encoded-size': { kind: 'integer', min: 13, max: MAX_ENCODED },
} as const;
const APPEND = { wid: WID, 'digest-list': HEX_DIGESTS, 'offset-list': OFFSETS } as const;

/** Least number of chunks and bytes: a fixed index that copies another may get none. */
const LEAST = { dynamic: 1, fixed: 0 } as const;

const NOTHING = { data: null } as const;

/** What both kinds of indexes have. */
function indexEndpoints(calls: BackupCalls, kind: 'dynamic' | 'fixed'): SessionEndpoint[] {
  const upload = sessionEndpoint({
    ...{ method: 'POST', path: `/${kind}_chunk`, parameters: CHUNK, parametersIn: 'query' },
    run: async ({ wid, digest, size, 'encoded-size': encodedSize }, body) => {
      await calls.storeChunk(kind, wid, { digest, size, encodedSize }, body);
      return { data: digest };
    },
  });
  const append = sessionEndpoint({
    ...{ method: 'PUT', path: `/${kind}_index`, parameters: APPEND, parametersIn: 'any' },
    run: async ({ wid, 'digest-list': digests, 'offset-list': offsets }) => {
      await calls.append(kind, wid, digests, offsets);
      return NOTHING;
    },
  });
  const close = sessionEndpoint({
    ...{ method: 'POST', path: `/${kind}_close`, parametersIn: 'any' },
    parameters: {
      wid: WID,
      'chunk-count': { kind: 'integer', min: LEAST[kind] },
      size: { kind: 'integer', min: LEAST[kind] },
      csum: HEX_DIGEST,
    },
    run: async ({ wid, 'chunk-count': count, size, csum }) => {
      await calls.closeIndex(kind, wid, { count, size, csum });
      return NOTHING;
    },
  });
  return [upload, append, close];
}

function createEndpoints(calls: BackupCalls): SessionEndpoint[] {
  const dynamic = sessionEndpoint({
    ...{ method: 'POST', path: '/dynamic_index', parametersIn: 'any' },
    parameters: { 'archive-name': FILE_NAME },
    run: async ({ 'archive-name': name }) => ({ data: await calls.createDynamic(name) }),
  });
  const fixed = sessionEndpoint({
    ...{ method: 'POST', path: '/fixed_index', parametersIn: 'any' },
    parameters: {
      'archive-name': FILE_NAME,
      size: { kind: 'integer', min: 1, max: MAX_IMAGE, optional: true },
      'reuse-csum': { ...HEX_DIGEST, optional: true },
    },
    run: async ({ 'archive-name': name, size, 'reuse-csum': reuseCsum }) => ({
      data: await calls.createFixed({ name, size, reuseCsum }),
    }),
  });
  return [dynamic, fixed];
}

function baseEndpoints(calls: BackupCalls): SessionEndpoint[] {
  const time = sessionEndpoint({
    ...{ method: 'GET', path: '/previous_backup_time', parameters: {}, parametersIn: 'any' },
    run: () => Promise.resolve({ data: calls.previousTime }),
  });
  const previous = sessionEndpoint({
    ...{ method: 'GET', path: '/previous', parametersIn: 'query' },
    parameters: { 'archive-name': FILE_NAME },
    run: async ({ 'archive-name': name }) => ({ file: await calls.previous(name) }),
  });
  return [time, previous];
}

function otherEndpoints(calls: BackupCalls): SessionEndpoint[] {
  const blob = sessionEndpoint({
    ...{ method: 'POST', path: '/blob', parametersIn: 'query' },
    parameters: {
      'file-name': FILE_NAME,
      'encoded-size': { kind: 'integer', min: 12, max: MAX_ENCODED },
    },
    run: async ({ 'file-name': name, 'encoded-size': size }, upload) => {
      await calls.putBlob(name, size, upload);
      return NOTHING;
    },
  });
  const finish = sessionEndpoint({
    ...{ method: 'POST', path: '/finish', parameters: {}, parametersIn: 'any' },
    run: async () => {
      await calls.finish();
      return NOTHING;
    },
  });
  const speedtest = sessionEndpoint({
    ...{ method: 'POST', path: '/speedtest', parameters: {}, parametersIn: 'query' },
    run: async (_values, upload) => {
      await upload.discard();
      return NOTHING;
    },
  });
  return [blob, finish, speedtest];
}

/** All calls of one session. */
export function backupEndpoints(calls: BackupCalls): readonly SessionEndpoint[] {
  const endpoints = [
    ...indexEndpoints(calls, 'dynamic'),
    ...indexEndpoints(calls, 'fixed'),
    ...createEndpoints(calls),
    ...baseEndpoints(calls),
    ...otherEndpoints(calls),
  ];
  return [listing(endpoints), ...endpoints];
}
