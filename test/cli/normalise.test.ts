/** Command words, positionals and values of the reference client's grammar (cli.md §1.1). */
import test from 'ava';
import fc from 'fast-check';
import { commands } from '../../src/cli/commands.js';
import { UsageError } from '../../src/cli/errors.js';
import { normalise } from '../../src/cli/normalise.js';
import { parseInvocation } from '../../src/cli/parse.js';

const usage = (message: RegExp) => ({ instanceOf: UsageError, message });

function commandOf(words: readonly string[]): string {
  return normalise(commands, words).command.path.join(' ');
}

test('a unique prefix of each word names a command', (t) => {
  t.is(commandOf(['snap', 'li']), 'snapshot list');
  t.is(commandOf(['ba']), 'backup');
  t.is(commandOf(['cata', 'd']), 'catalog dump');
  t.is(commandOf(['li']), 'list');
  t.is(commandOf(['snap', 'n', 'u']), 'snapshot notes update');
});

test('aliases name commands', (t) => {
  t.is(commandOf(['snapshots']), 'snapshot list');
  t.is(commandOf(['files', 'host/a/2023-11-14T22:13:20Z']), 'snapshot files');
  t.is(commandOf(['forget', 'host/a/2023-11-14T22:13:20Z']), 'snapshot forget');
  t.is(commandOf(['upload-log', 'host/a/2023-11-14T22:13:20Z', 'log']), 'snapshot upload-log');
});

test('words that name no command list those that there are', (t) => {
  const first = /Possible commands: backup, benchmark, cat, catalog, change-owner, .*, verify, version$/;
  t.throws(() => commandOf([]), usage(first));
  t.throws(() => commandOf(['frobnicate']), usage(first));
  t.throws(() => commandOf(['']), usage(/no such command ''/));
  t.throws(() => commandOf(['--output-format', 'json', 'list']), usage(/no such command '--output-format'/));
  t.throws(
    () => commandOf(['snapshot']),
    usage(/no command specified\nPossible commands: files, forget, list, notes, protected, upload-log$/),
  );
  t.throws(
    () => commandOf(['snapshot', 'f']),
    usage(/'snapshot f' is not unique\nPossible commands: files, forget$/),
  );
});

test('options and positionals may be mixed', (t) => {
  const words = ['restore', '--overwrite', 'host/a', '-ns', 'x', 'root.pxar', '--strict', 'no', 'out'];
  const { options, positionals } = parseInvocation(normalise(commands, words));
  t.deepEqual(
    [...positionals],
    [
      ['snapshot', ['host/a']],
      ['archive-name', ['root.pxar']],
      ['target', ['out']],
    ],
  );
  t.deepEqual(Object.fromEntries(options), { ns: 'x', overwrite: true, strict: false });
});

test('behind -- everything is positional', (t) => {
  const { positionals, options } = normalise(commands, ['restore', '--strict', '--', 'a', '--strict', '--']);
  t.deepEqual(positionals, ['a', '--strict', '--']);
  t.deepEqual(options, [['strict', 'true']]);
});

test('a lone dash is an ordinary word', (t) => {
  t.deepEqual(normalise(commands, ['restore', 'a', 'b', '-']).positionals, ['a', 'b', '-']);
  t.deepEqual(normalise(commands, ['restore', '--pattern', '-']).options, [['pattern', '-']]);
});

test('a boolean leaves a following word that is none', (t) => {
  const { options, positionals } = normalise(commands, [
    'restore',
    '--strict',
    'host/a',
    '--overwrite',
    '0',
    'x',
  ]);
  t.deepEqual(options, [
    ['strict', 'true'],
    ['overwrite', 'false'],
  ]);
  t.deepEqual(positionals, ['host/a', 'x']);
});

test('missing and superfluous arguments are named', (t) => {
  const parse = (words: readonly string[]) => parseInvocation(normalise(commands, words));
  t.throws(() => parse(['backup']), usage(/^'backupspec': missing argument$/));
  t.throws(() => parse(['restore', 'host/a']), usage(/^'archive-name': missing argument$/));
  t.throws(() => parse(['list', 'x', 'y']), usage(/^got additional arguments: \["x","y"\]$/));
  t.deepEqual(parse(['backup', 'a.pxar:/a', 'b.pxar:/b']).positionals.get('backupspec'), [
    'a.pxar:/a',
    'b.pxar:/b',
  ]);
});

test('every text comes through an option as it is', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), fc.string(), (patterns, id) => {
      const words = [...patterns.map((pattern) => `--exclude=${pattern}`), `--backup-id=${id}`, 'a.pxar:/a'];
      const { options } = parseInvocation(normalise(commands, ['backup', ...words]));
      t.deepEqual(options.get('exclude') ?? [], patterns);
      t.is(options.get('backup-id'), id);
    }),
  );
});

test('every line gives a command or a usage error', (t) => {
  const word = fc.oneof(
    fc.constantFrom(
      'backup',
      'restore',
      'snapshot',
      'list',
      '--',
      '-',
      '--ns',
      '-ns=',
      '--strict',
      'no',
      '--=',
      '---',
      '-=',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      try {
        parseInvocation(normalise(commands, words));
      } catch (error) {
        t.true(error instanceof UsageError, String(error));
      }
    }),
  );
});
