/** ACLs as text (pxar.md §3.11). */
import test from 'ava';
import type { Acl } from '../../../src/pxar/metadata.js';
import { accessAclText, defaultAclText } from '../../../src/restore/export/acl-text.js';

const NONE: Acl = {
  users: [],
  groups: [],
  groupObj: undefined,
  default: undefined,
  defaultUsers: [],
  defaultGroups: [],
};

test('an ACL that is no more than the mode has no text', (t) => {
  t.is(accessAclText({ mode: 0o100644, acl: NONE }), undefined);
  t.is(defaultAclText(NONE), undefined);
});

test('without a group of its own, the group has what the mask has', (t) => {
  const acl = { ...NONE, users: [{ id: 1001, permissions: 6 }] };
  t.is(accessAclText({ mode: 0o100750, acl }), 'user::rwx,user:1001:rw-,group::r-x,mask::r-x,other::---');
});

test('the bits of the group are the mask, and the group is stored beside them', (t) => {
  const acl = { ...NONE, groupObj: 4, groups: [{ id: 7, permissions: 1 }] };
  t.is(accessAclText({ mode: 0o100671, acl }), 'user::rw-,group::r--,group:7:--x,mask::rwx,other::--x');
});

test('a default ACL has what is stored of it', (t) => {
  const base = { userObj: 7, groupObj: 5, other: 0, mask: undefined };
  t.is(defaultAclText({ ...NONE, default: base }), 'user::rwx,group::r-x,other::---');
  const more = { ...NONE, default: { ...base, mask: 7 }, defaultUsers: [{ id: 1, permissions: 2 }] };
  t.is(
    defaultAclText({ ...more, defaultGroups: [{ id: 2, permissions: 0 }] }),
    'user::rwx,user:1:-w-,group::r-x,group:2:---,mask::rwx,other::---',
  );
});
