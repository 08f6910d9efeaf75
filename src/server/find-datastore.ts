/** Finds what a call or session names among what is offered. */
import { CallError } from './http/call-error.js';
import type { Datastore } from './server-context.js';

/** Throws CallError 400. */
export function findDatastore(datastores: ReadonlyMap<string, Datastore>, store: string): Datastore {
  const datastore = datastores.get(store);
  if (datastore === undefined) throw new CallError(400, `no such datastore '${store}'`);
  return datastore;
}
