/** The result of the last verification, as a server notes it in a manifest (snapshot-manifest.md §3.2). */
import type { Manifest } from './manifest.js';

export interface VerifyState {
  readonly state: string;
  /** Task that found it out; empty where it is not named. */
  readonly upid: string;
}

/** Undefined where nothing was verified, or the note has another shape. */
export function verifyState({ unprotected }: Manifest): VerifyState | undefined {
  const noted = unprotected['verify_state'];
  if (noted === null || typeof noted !== 'object' || Array.isArray(noted)) return undefined;
  const { state, upid } = noted as { state?: unknown; upid?: unknown };
  return typeof state === 'string' ? { state, upid: typeof upid === 'string' ? upid : '' } : undefined;
}

/** True if the snapshot must not be built upon. */
export function failedVerification(manifest: Manifest): boolean {
  return verifyState(manifest)?.state === 'failed';
}
