/** Privileges and roles by the names of a Proxmox Backup Server. rest-api.md §1.3. */

/** In the order in which messages name them. */
export const PRIVILEGES = [
  'Sys.Audit',
  'Sys.Modify',
  'Datastore.Audit',
  'Datastore.Modify',
  'Datastore.Read',
  'Datastore.Verify',
  'Datastore.Backup',
  'Datastore.Prune',
] as const;
export type Privilege = (typeof PRIVILEGES)[number];

/** What each role allows. */
export const ROLES = {
  Admin: PRIVILEGES,
  Audit: ['Sys.Audit', 'Datastore.Audit'],
  DatastoreAdmin: [
    'Datastore.Audit',
    'Datastore.Modify',
    'Datastore.Read',
    'Datastore.Verify',
    'Datastore.Backup',
    'Datastore.Prune',
  ],
  DatastoreReader: ['Datastore.Audit', 'Datastore.Read', 'Datastore.Verify'],
  DatastoreBackup: ['Datastore.Backup'],
  DatastorePowerUser: ['Datastore.Backup', 'Datastore.Prune'],
  DatastoreAudit: ['Datastore.Audit'],
  NoAccess: [],
} as const satisfies Readonly<Record<string, readonly Privilege[]>>;
export type Role = keyof typeof ROLES;

/** The names of all roles. */
export const ROLE_NAMES = Object.keys(ROLES);

export function isRole(text: string): text is Role {
  return Object.hasOwn(ROLES, text);
}
