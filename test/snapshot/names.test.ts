import test from 'ava';
import fc from 'fast-check';
import {
  parseArchiveName,
  parseServerName,
  resolveArchive,
  serverName,
  splitNames,
} from '../../src/snapshot/archive-names.js';
import {
  backupTime,
  formatGroup,
  formatSnapshot,
  formatTime,
  namespaceDirectory,
  parseGroup,
  parseNamespace,
  parseSnapshot,
  parseTime,
} from '../../src/snapshot/names.js';

/** What must never pass as one component of a path. */
const TRICKS = [
  '',
  '.',
  '..',
  '...',
  '.x',
  '-x',
  '/',
  'a/b',
  'a\\b',
  'a b',
  'a\0',
  'a\n',
  'ä',
  'x'.repeat(256),
];

test('groups and snapshots are parsed and written', (t) => {
  t.is(formatGroup(parseGroup('host/web_1.example-x')), 'host/web_1.example-x');
  const text = 'vm/100/2023-11-14T22:13:20Z';
  const snapshot = parseSnapshot(text);
  t.is(snapshot.time, backupTime(1700000000));
  t.is(formatSnapshot(snapshot), text);
  for (const group of ['', 'host', 'host/', '/host/a', 'node/a', 'Host/a', 'host/a/b', 'host/a/']) {
    t.throws(() => parseGroup(group), { name: 'NameError' }, group);
  }
  for (const other of ['host/a', 'host/a/b', 'host/a/2023-11-14T22:13:20Z/x', 'host/a/1700000000']) {
    t.throws(() => parseSnapshot(other), { name: 'NameError' }, other);
  }
});

test('path tricks are no ids, namespaces or archive names', (t) => {
  for (const trick of TRICKS) {
    t.throws(() => parseGroup(`host/${trick}`), { name: 'NameError' }, trick);
    t.throws(
      () => parseNamespace(trick === 'a/b' ? 'a/b/' : `a/${trick}`),
      { code: 'NAME_NAMESPACE' },
      trick,
    );
    t.throws(() => parseServerName(`${trick}.blob`), { code: 'NAME_ARCHIVE' }, trick);
    t.throws(() => parseArchiveName(`${trick}.pxar`), { code: 'NAME_ARCHIVE' }, trick);
  }
});

test('times are UTC text of whole seconds', (t) => {
  t.is(formatTime(backupTime(1)), '1970-01-01T00:00:01Z');
  t.is(formatTime(backupTime(253402300799)), '9999-12-31T23:59:59Z');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 253402300799 }), (seconds) => {
      t.is(parseTime(formatTime(backupTime(seconds))), backupTime(seconds));
    }),
  );
  const wrong = [
    '1970-01-01T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2023-11-14T24:00:00Z',
    '2023-11-14T22:13:60Z',
    '2023-11-14',
  ];
  for (const text of [
    ...wrong,
    '2023-11-14T22:13:20',
    '2023-11-14T22:13:20+00:00',
    '2023-11-14t22:13:20z',
    ' 2023-11-14T22:13:20Z',
  ]) {
    t.throws(() => parseTime(text), { code: 'NAME_BACKUP_TIME' }, text);
  }
  for (const seconds of [0, -1, 1.5, Number.NaN, 253402300800]) {
    t.throws(() => backupTime(seconds), { code: 'NAME_BACKUP_TIME' });
  }
});

test('namespaces have limits and a directory', (t) => {
  t.is(namespaceDirectory(parseNamespace('')), '');
  t.is(namespaceDirectory(parseNamespace('a/b-1')), 'ns/a/ns/b-1');
  t.notThrows(() => parseNamespace('1/2/3/4/5/6/7'));
  t.throws(() => parseNamespace('1/2/3/4/5/6/7/8'), { code: 'NAME_NAMESPACE' });
  t.notThrows(() => parseNamespace(`${'a'.repeat(200)}/${'b'.repeat(55)}`));
  t.throws(() => parseNamespace(`${'a'.repeat(200)}/${'b'.repeat(56)}`), { code: 'NAME_NAMESPACE' });
});

test('archives are stored under the name of their kind', (t) => {
  const stored = [
    'root.pxar.didx',
    'root.mpxar.didx',
    'catalog.pcat1.didx',
    'disk.img.fidx',
    'a.conf.blob',
    'b.log.blob',
    'k.key.blob',
  ];
  for (const name of stored) {
    t.is(serverName(name), parseServerName(name));
    t.is(serverName(name.replace(/\.[a-z]+$/, '')), parseServerName(name));
  }
  for (const name of ['root', 'root.tar', '.didx', 'a/b.pxar', '../x.conf'])
    t.throws(() => serverName(name), { code: 'NAME_ARCHIVE' }, name);
  t.is(String(parseArchiveName('root.pxar')), 'root.pxar');
  for (const name of ['root', 'root.mpxar', 'a.b.pxar', 'disk.img.fidx']) {
    t.throws(() => parseArchiveName(name), { code: 'NAME_ARCHIVE' }, name);
  }
});

test('a name that a user says finds the single archive or the pair', (t) => {
  const manifest = (...names: string[]): { files: { filename: ReturnType<typeof parseServerName> }[] } => ({
    files: names.map((name) => ({ filename: parseServerName(name) })),
  });
  const pair = { kind: 'split' as const, ...splitNames('root.pxar') };
  const split = manifest('root.ppxar.didx', 'root.mpxar.didx', 'etc.conf.blob', 'disk.img.fidx');
  for (const name of [
    'root.pxar',
    'root.mpxar',
    'root.ppxar',
    'root.pxar.didx',
    'root.mpxar.didx',
    'root.ppxar.didx',
  ]) {
    t.deepEqual(resolveArchive(split, name), pair, name);
  }
  t.deepEqual(resolveArchive(split, 'etc.conf'), { kind: 'single', name: parseServerName('etc.conf.blob') });
  t.deepEqual(resolveArchive(split, 'disk.img.fidx'), {
    kind: 'single',
    name: parseServerName('disk.img.fidx'),
  });
  const single = manifest('root.pxar.didx', 'root.mpxar.didx', 'root.ppxar.didx');
  t.deepEqual(resolveArchive(single, 'root.pxar'), {
    kind: 'single',
    name: parseServerName('root.pxar.didx'),
  });
  t.deepEqual(resolveArchive(single, 'root.mpxar'), pair);
  for (const name of ['other.pxar', 'etc.log', 'other.mpxar']) {
    t.throws(() => resolveArchive(split, name), { code: 'NAME_ARCHIVE_UNKNOWN' }, name);
  }
  t.throws(() => resolveArchive(manifest('root.mpxar.didx'), 'root.pxar'), { code: 'NAME_ARCHIVE_UNKNOWN' });
});
