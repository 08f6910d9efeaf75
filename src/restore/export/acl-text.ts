/** ACLs as text with numeric ids, as `SCHILY.acl.*` of pax archives and acl_from_text(3) have it. pxar.md §3.11. */
import type { Acl, AclEntry, Metadata } from '../../pxar/metadata.js';

function permissions(bits: number): string {
  return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
}

function unnamed(tag: string, bits: number | undefined): string[] {
  return bits === undefined ? [] : [`${tag}::${permissions(bits)}`];
}

function named(tag: string, entries: readonly AclEntry[]): string[] {
  return entries.map(({ id, permissions: bits }) => `${tag}:${id}:${permissions(bits)}`);
}

/** The access ACL, as far as it says more than the mode; undefined if it does not. */
export function accessAclText({ mode, acl }: Pick<Metadata, 'mode' | 'acl'>): string | undefined {
  const { users, groups, groupObj } = acl;
  if (users.length === 0 && groups.length === 0 && groupObj === undefined) return undefined;
  // With an ACL, the mode's group bits are the mask.
  const mask = (mode >> 3) & 7;
  return [
    ...unnamed('user', (mode >> 6) & 7),
    ...named('user', users),
    ...unnamed('group', groupObj ?? mask),
    ...named('group', groups),
    ...unnamed('mask', mask),
    ...unnamed('other', mode & 7),
  ].join(',');
}

/** The default ACL of a directory; undefined if it has none. */
export function defaultAclText({ default: base, defaultUsers, defaultGroups }: Acl): string | undefined {
  if (base === undefined) return undefined;
  return [
    ...unnamed('user', base.userObj),
    ...named('user', defaultUsers),
    ...unnamed('group', base.groupObj),
    ...named('group', defaultGroups),
    ...unnamed('mask', base.mask),
    ...unnamed('other', base.other),
  ].join(',');
}
