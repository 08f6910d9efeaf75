import test from 'ava';
import fc from 'fast-check';
import {
  type Access,
  formatAccess,
  isActive,
  noAccess,
  parseAccess,
} from '../../../src/server/access/access.js';
import { addToken, addUser, setAcl } from '../../../src/server/access/access-changes.js';
import { AccessError } from '../../../src/server/access/errors.js';
import { impossibleHash } from '../../../src/server/access/secret-hash.js';
import { listUsers } from '../../../src/server/access/user-list.js';

const hash = impossibleHash({ n: 2, r: 1, p: 1 });

function sample(): Access {
  let access = addUser(noAccess(), 'zoe@pbs', { comment: 'last' }, undefined);
  access = addUser(access, 'ann@pbs', { expire: 7 }, hash);
  access = addToken(access, 'ann@pbs!laptop', { enable: false }, hash);
  return setAcl(
    access,
    { path: '/datastore/abc', authId: 'ann@pbs!laptop', role: 'DatastoreBackup' },
    { propagate: true },
  );
}

test('what was written is read back', (t) => {
  const read = parseAccess('f', formatAccess(sample()));
  t.deepEqual([...read.users.keys()], ['ann@pbs', 'zoe@pbs']);
  for (const [name, user] of sample().users) t.deepEqual(read.users.get(name), user);
  t.deepEqual(read.acl, sample().acl);
  t.deepEqual([...read.table.keys()], ['ann@pbs!laptop']);
});

test('a list has everything but hashes', (t) => {
  const text = JSON.stringify(listUsers(sample()));
  t.is(
    text,
    '[{"userid":"ann@pbs","enable":true,"expire":7,"tokens":[{"tokenid":"ann@pbs!laptop","enable":false,"expire":0}]},' +
      '{"userid":"zoe@pbs","enable":true,"expire":0,"comment":"last","tokens":[]}]',
  );
});

test('who is disabled or expired is not active', (t) => {
  t.true(isActive({ enable: true, expire: 0, comment: '' }, 10));
  t.true(isActive({ enable: true, expire: 11, comment: '' }, 10));
  t.false(isActive({ enable: true, expire: 10, comment: '' }, 10));
  t.false(isActive({ enable: false, expire: 0, comment: '' }, 10));
});

test('a file that is damaged in any place is refused and named', (t) => {
  const good = formatAccess(sample());
  const damages: readonly (readonly [string, string])[] = [
    ['"version": 1', '"version": 2'],
    ['"ann@pbs"', '"ann"'],
    ['"ann@pbs"', '"zoe@pbs"'],
    ['"name": "laptop"', '"name": "lap top"'],
    ['"role": "DatastoreBackup"', '"role": "toString"'],
    ['"path": "/datastore/abc"', '"path": "/x"'],
    ['"authId": "ann@pbs!laptop"', '"authId": 3'],
    ['"comment": "last"', '"comment": "two\\nlines"'],
    ['"comment": "last"', `"comment": "${'x'.repeat(129)}"`],
    ['"n": 2', '"n": 1073741824'],
    ['"expire": 7', '"expire": -7'],
    ['"expire": 7', '"expire": 7, "more": 1'],
    ['{', ''],
  ];
  for (const [from, to] of damages) {
    t.true(good.includes(from), from);
    const error = t.throws(() => parseAccess('access.json', good.replace(from, to)), {
      instanceOf: AccessError,
      code: 'ACCESS_FILE',
    });
    t.true(error?.message.startsWith('access.json'));
    t.false(error?.message.includes(hash.hash));
  }
  const twice = good.replace(/("tokens": \[)(\s+)(\{[^}]*\}[^}]*\})/, '$1$2$3,$3');
  t.throws(() => parseAccess('f', twice), { message: 'f: users.0: has two tokens of one name' });
});

test('a file of anything is an access file or an AccessError', (t) => {
  const texts = fc.oneof(fc.string(), fc.json(), fc.constant('['.repeat(100_000)));
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseAccess('f', text);
        return false;
      } catch (error) {
        return error instanceof AccessError && error.code === 'ACCESS_FILE';
      }
    }),
  );
  t.pass();
});
