/** Every option of every command in every spelling (cli.md §1.1). */
import test from 'ava';
import type { CommandSpec, OptionValue } from '../../src/cli/command.js';
import { commands } from '../../src/cli/commands.js';
import { UsageError } from '../../src/cli/errors.js';
import { normalise } from '../../src/cli/normalise.js';
import { parseInvocation } from '../../src/cli/parse.js';
import { reservedNames } from '../../src/cli/reserved-options.js';

/** A value as it is typed, and as the command gets it. */
type Sample = readonly [typed: string, value: string | number];
type Kind = 'flag' | { readonly one: Sample } | { readonly many: Sample };

const text = (typed: string): Kind => ({ one: [typed, typed] });
const texts = (typed: string): Kind => ({ many: [typed, typed] });
const number = (typed: string, value: number): Kind => ({ one: [typed, value] });

const SERVER = {
  repository: text('/store'),
  server: text('host'),
  port: number('8007', 8007),
  datastore: text('store'),
  'auth-id': text('ann@pbs'),
  rate: number('10MB', 10_000_000),
  burst: number('1MiB', 1_048_576),
};
const REPOSITORY = { ...SERVER, ns: text('a/b') };
const FORMAT = { 'output-format': text('json-pretty') };
const LOCK = { 'lock-wait': number('0', 0) };
const KEY = { keyfile: text('key.json'), keyfd: number('3', 3) };
const RUN = { progress: text('json'), 'crypt-mode': text('none') };

const KDF = { kdf: text('pbkdf2'), hint: text('one line') };

const STATE = { 'state-dir': text('/var/lib/restat-serve') };
const ACCOUNT = { comment: text('one line'), expire: number('1800000000', 1_800_000_000) };

const TABLE: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  backup: {
    ...REPOSITORY,
    ...FORMAT,
    ...LOCK,
    ...RUN,
    ...KEY,
    'master-pubkey-file': text('master-public.pem'),
    'master-pubkey-fd': number('4', 4),
    'backup-type': text('ct'),
    'backup-id': text('box'),
    'backup-time': number('1700000000', 1_700_000_000),
    exclude: texts('*.tmp'),
    'exclude-from': texts('file'),
    'exclude-caches': 'flag',
    'exclude-if-present': texts('.nobackup:head'),
    'exclude-larger-than': number('1.5 MiB', 1_572_864),
    'include-dev': texts('/mnt'),
    'all-file-systems': 'flag',
    'skip-lost-and-found': 'flag',
    'skip-e2big-xattr': 'flag',
    'entries-max': number('3', 3),
    'chunk-size': text('64'),
    'change-detection-mode': text('metadata:root'),
    layout: text('single'),
    'max-padding': text('20,5'),
    'checkpoint-interval': number('600', 600),
    retries: number('0', 0),
    'full-every': number('7', 7),
    'stdin-command': text('true'),
    'dry-run': 'flag',
    verbose: 'flag',
    owner: text('ann@pbs'),
    sync: text('file'),
  },
  benchmark: { ...SERVER, ...FORMAT, keyfile: text('key.json') },
  cat: { ...REPOSITORY, ...LOCK, ...KEY },
  'catalog dump': { ...REPOSITORY, ...LOCK, ...KEY },
  'catalog shell': { ...REPOSITORY, ...LOCK, ...KEY },
  'change-owner': { ...REPOSITORY, ...LOCK },
  'datastore create': { 'for-server': 'flag' },
  diff: { ...REPOSITORY, ...FORMAT, ...LOCK, ...KEY, archive: text('root.pxar'), content: 'flag' },
  find: { ...REPOSITORY, ...FORMAT, ...LOCK, ...KEY, group: text('host/box'), archive: text('root.pxar') },
  'garbage-collect': { ...SERVER, ...FORMAT },
  'group forget': { ...REPOSITORY, ...LOCK, yes: 'flag' },
  'group move': { ...REPOSITORY, ...FORMAT, 'target-ns': text('a/b'), 'merge-group': 'flag' },
  'group notes show': { ...REPOSITORY, ...FORMAT },
  'group notes update': { ...REPOSITORY, ...LOCK },
  help: { verbose: 'flag' },
  'key change-passphrase': KDF,
  'key create': KDF,
  'key create-master-key': {},
  'key import-master-pubkey': {},
  'key import-with-master-key': {
    ...KDF,
    'master-keyfile': text('master-private.pem'),
    'encrypted-keyfile': text('rsa-encrypted.key'),
  },
  'key paperkey': { subject: text('one line'), 'output-format': text('text') },
  'key show': FORMAT,
  'key show-master-pubkey': FORMAT,
  list: { ...REPOSITORY, ...FORMAT },
  login: SERVER,
  logout: SERVER,
  ls: { ...REPOSITORY, ...FORMAT, ...LOCK, ...KEY, long: 'flag' },
  'namespace create': REPOSITORY,
  'namespace delete': { ...REPOSITORY, ...LOCK, 'delete-groups': 'flag' },
  'namespace list': { ...REPOSITORY, ...FORMAT, 'max-depth': number('7', 7) },
  'namespace move': {
    ...REPOSITORY,
    ...FORMAT,
    'target-ns': text('a/b'),
    'max-depth': number('0', 0),
    'delete-source': 'flag',
    'merge-groups': 'flag',
  },
  prune: {
    ...REPOSITORY,
    ...FORMAT,
    ...LOCK,
    'keep-last': number('1', 1),
    'keep-hourly': number('24', 24),
    'keep-daily': number('7', 7),
    'keep-weekly': number('4', 4),
    'keep-monthly': number('12', 12),
    'keep-yearly': number('3', 3),
    'dry-run': 'flag',
    quiet: 'flag',
  },
  restore: {
    ...REPOSITORY,
    ...FORMAT,
    ...LOCK,
    ...RUN,
    ...KEY,
    pattern: texts('etc/*'),
    format: text('tar'),
    'allow-existing-dirs': 'flag',
    overwrite: 'flag',
    'overwrite-files': 'flag',
    'overwrite-symlinks': 'flag',
    'overwrite-hardlinks': 'flag',
    'ignore-acls': 'flag',
    'ignore-xattrs': 'flag',
    'ignore-ownership': 'flag',
    'ignore-permissions': 'flag',
    'ignore-extract-device-errors': 'flag',
    'no-specials': 'flag',
    'no-setuid': 'flag',
    'prelude-target': text('prelude'),
    strict: 'flag',
  },
  serve: {
    ...STATE,
    datastore: texts('main=/store'),
    listen: text('127.0.0.1:8007'),
    cert: text('cert.pem'),
    key: text('key.pem'),
    name: texts('backup.example.org'),
    log: text('json'),
    'stop-wait': number('0', 0),
    'max-connections': number('512', 512),
    'max-connections-per-address': number('1', 1),
    'max-sessions': number('64', 64),
    'max-sessions-per-user': number('16', 16),
    'metrics-open': 'flag',
  },
  'serve acl list': { ...STATE, ...FORMAT },
  'serve acl remove': { ...STATE, ...LOCK },
  'serve acl set': { ...STATE, ...LOCK, propagate: 'flag' },
  'serve token add': { ...STATE, ...LOCK, ...FORMAT, ...ACCOUNT },
  'serve token list': { ...STATE, ...FORMAT },
  'serve token remove': { ...STATE, ...LOCK },
  'serve user add': { ...STATE, ...LOCK, ...ACCOUNT, 'no-password': 'flag' },
  'serve user list': { ...STATE, ...FORMAT },
  'serve user password': { ...STATE, ...LOCK },
  'serve user remove': { ...STATE, ...LOCK },
  'snapshot files': { ...REPOSITORY, ...FORMAT },
  'snapshot forget': { ...REPOSITORY, ...LOCK },
  'server-identity': { ...SERVER, ...FORMAT },
  'snapshot list': { ...REPOSITORY, ...FORMAT },
  'snapshot notes show': { ...REPOSITORY, ...FORMAT },
  'snapshot notes update': { ...REPOSITORY, ...LOCK },
  'snapshot protected show': { ...REPOSITORY, ...FORMAT },
  'snapshot protected update': { ...REPOSITORY, ...LOCK },
  'snapshot upload-log': { ...REPOSITORY, ...LOCK, ...KEY, 'crypt-mode': text('none') },
  status: { ...SERVER, ...FORMAT },
  'task list': { ...SERVER, ...FORMAT, limit: number('1000', 1000), all: 'flag' },
  'task log': SERVER,
  'task stop': SERVER,
  verify: { ...REPOSITORY, ...FORMAT, 'ignore-verified': 'flag', 'outdated-after': number('0', 0) },
  version: { ...SERVER, ...FORMAT },
};

const TRUE = ['true', 'yes', 'on', '1', 'TRUE', 'Yes'];
const FALSE = ['false', 'no', 'off', '0', 'FALSE', 'No'];

/** Words for the positionals that a command must have. */
function positionalsOf({ positionals }: CommandSpec): string[] {
  return positionals.filter(({ optional }) => optional === undefined).map(() => 'word');
}

function parse(command: CommandSpec, words: readonly string[]): ReadonlyMap<string, OptionValue> {
  const line = normalise(commands, [...command.path, ...positionalsOf(command), ...words]);
  return parseInvocation(line).options;
}

function commandOf(name: string): CommandSpec {
  return commands.find(({ path }) => path.join(' ') === name)!;
}

const usage = (message: RegExp) => ({ instanceOf: UsageError, message });

test('the table has every option of every command', (t) => {
  const declared = commands.map(
    ({ path, options }) => [path.join(' '), Object.keys(options).sort()] as const,
  );
  const expected = Object.entries(TABLE).map(
    ([name, options]) => [name, Object.keys(options).sort()] as const,
  );
  t.deepEqual(Object.fromEntries(declared), Object.fromEntries(expected));
});

for (const [name, options] of Object.entries(TABLE)) {
  const command = commandOf(name);
  for (const [option, kind] of Object.entries(options)) {
    if (kind === 'flag') {
      test(`restat ${name} --${option} is a boolean in every spelling`, (t) => {
        t.is(parse(command, [`--${option}`]).get(option), true);
        t.is(parse(command, [`-${option}`]).get(option), true);
        t.is(parse(command, []).get(option), undefined);
        for (const [spellings, value] of [[TRUE, true] as const, [FALSE, false] as const]) {
          for (const spelling of spellings) {
            t.is(parse(command, [`--${option}=${spelling}`]).get(option), value);
            t.is(parse(command, [`-${option}`, spelling]).get(option), value);
          }
        }
        t.throws(() => parse(command, [`--${option}=maybe`]), usage(/'maybe' is not a boolean/));
        t.throws(() => parse(command, [`--${option}`, `-${option}`]), usage(/given more than once/));
      });
      continue;
    }
    const many = 'many' in kind;
    const [typed, value] = many ? kind.many : kind.one;
    test(`restat ${name} --${option} takes its value in every spelling`, (t) => {
      const expected = many ? [String(value)] : value;
      for (const words of [
        [`--${option}`, typed],
        [`-${option}`, typed],
        [`--${option}=${typed}`],
        [`-${option}=${typed}`],
      ]) {
        t.deepEqual(parse(command, words).get(option), expected);
      }
      t.throws(() => parse(command, [`--${option}`]), usage(/a value is needed/));
      t.throws(() => parse(command, [`--${option}`, '--strict']), usage(/a value is needed; .*--strict/));
      const twice = [`--${option}`, typed, `-${option}=${typed}`];
      if (many) t.deepEqual(parse(command, twice).get(option), [String(value), String(value)]);
      else t.throws(() => parse(command, twice), usage(/given more than once/));
    });
    const { choices, minimum, maximum, type } = command.options[option]!;
    if (choices !== undefined) {
      test(`restat ${name} --${option} takes its choices and nothing else`, (t) => {
        for (const word of choices) t.is(parse(command, [`--${option}`, word]).get(option), word);
        t.throws(() => parse(command, [`--${option}`, 'nonsense']), usage(/'nonsense' is none of/));
      });
    }
    if (type === 'integer') {
      test(`restat ${name} --${option} is an integer within its bounds`, (t) => {
        for (const word of ['abc', '1.5', '', '1e3', '0x10', '99999999999999999999']) {
          t.throws(() => parse(command, [`--${option}=${word}`]), usage(/is not an integer/));
        }
        if (minimum !== undefined)
          t.throws(() => parse(command, [`--${option}=${minimum - 1}`]), usage(/not an integer/));
        if (maximum !== undefined)
          t.throws(() => parse(command, [`--${option}=${maximum + 1}`]), usage(/not an integer/));
      });
    }
  }
  test(`restat ${name} refuses options that it does not have`, (t) => {
    t.throws(() => parse(command, ['--colour', 'red']), usage(/unknown option --colour/));
    t.throws(() => parse(command, ['--constructor']), usage(/unknown option --constructor/));
  });
}

test('options of the reference client that come later say so', (t) => {
  for (const name of reservedNames) {
    const error = t.throws(() => parse(commandOf('backup'), [`--${name}`, '1']), { instanceOf: UsageError });
    t.regex(error.message, new RegExp(`^--${name} .*(later version|leave it out)`));
  }
});

test('sizes have decimal and binary units', (t) => {
  const size = (typed: string) =>
    parse(commandOf('backup'), ['--exclude-larger-than', typed]).get('exclude-larger-than');
  t.is(size('10'), 10);
  t.is(size('10KB'), 10_000);
  t.is(size('4Ki'), 4096);
  t.is(size('1 gib'), 2 ** 30);
  t.throws(() => size('fast'), usage(/is not a size/));
  t.throws(() => size('1 XB'), usage(/is not a size/));
});
