/** The target of a request in its parts. rest-api.md §1.1, protocol.md §2. */
import { CallError } from './call-error.js';
import { TARGET } from './limits.js';

export interface Target {
  /** Without doubled slashes, still percent-encoded: what answers repeat. */
  readonly path: string;
  /** Decoded. */
  readonly segments: readonly string[];
  /** Still encoded, '' where there is none. */
  readonly query: string;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw illegal();
  }
}

function illegal(): CallError {
  return new CallError(400, 'path contains illegal components');
}

/** Empty segments do not count: clients begin with two slashes. Throws CallError 400, 414. */
export function parseTarget(url: string, longest: number = TARGET): Target {
  if (Buffer.byteLength(url) > longest) throw new CallError(414, '');
  const mark = url.indexOf('?');
  const raw = (mark < 0 ? url : url.slice(0, mark)).split('/').filter((segment) => segment !== '');
  const segments = raw.map(decoded);
  if (!url.startsWith('/') || segments.some((segment) => segment.startsWith('.'))) throw illegal();
  return { path: `/${raw.join('/')}`, segments, query: mark < 0 ? '' : url.slice(mark + 1) };
}
