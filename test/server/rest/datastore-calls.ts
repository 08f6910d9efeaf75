/** Short forms of calls to the golden datastore. */
import { type Answered, accessWith, type RestWorld, STORE } from './rest-world.js';

export const LAPTOP = 'ann@pbs!laptop';
/** Of the golden datastore: five snapshots, the second is protected. */
export const ALPHA = { 'backup-type': 'host', 'backup-id': 'alpha' };
export const TIMES = [1_700_001_000, 1_700_002_000, 1_700_003_000, 1_700_004_000, 1_700_005_000];

/** The owner may do everything; bob only what concerns his own groups. */
export const access = accessWith([
  ['ann@pbs', 'DatastoreAdmin'],
  [LAPTOP, 'DatastoreAdmin'],
  ['bob@pbs', 'DatastorePowerUser'],
]);

type Values = Readonly<Record<string, string | number | boolean>>;

/** Parameters as a query. */
export function queryOf(values: Values): string {
  const texts = Object.entries(values).map(([name, value]): [string, string] => [name, String(value)]);
  return new URLSearchParams(texts).toString();
}

/** One call; parameters stand in the body of a POST, else in the query. */
export function ask(
  world: RestWorld,
  [method, call]: readonly [method: string, call: string],
  values: Values = {},
  authId: string = LAPTOP,
): Promise<Answered> {
  const target = `admin/datastore/${STORE}/${call}`;
  if (method === 'POST') return world.call(access, authId, { method, target, body: values });
  return world.call(access, authId, { method, target: `${target}?${queryOf(values)}` });
}

/** Status and body. */
export async function said(answer: Promise<Answered>): Promise<readonly [number, unknown]> {
  const { status, body } = await answer;
  return [status, body];
}
