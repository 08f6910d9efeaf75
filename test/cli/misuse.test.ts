/** What the reference client was given by mistake: our exit code and message for each (docs/scripting.md). */
import test from 'ava';
import { misuses, withGolden } from './golden.js';

interface Expected {
  readonly code: number;
  readonly stderr: RegExp;
  /** The case is not about conf files, which come later: the same with a tree. */
  readonly tree?: true;
}

const usage = (stderr: RegExp): Expected => ({ code: 2, stderr });
const usageOfTree = (stderr: RegExp): Expected => ({ code: 2, stderr, tree: true });
const failure = (stderr: RegExp): Expected => ({ code: 1, stderr });
const success: Expected = { code: 0, stderr: /^(?!.*Error)/s };

const SERVER = /--repository.*(later version|cannot reach)|(later version|cannot reach).*(--repository|\.\/)/;
const KEY = /encrypted and signed snapshots.*later version/;
const PXAR_ONLY = /\.pxar archives only/;

const EXPECTED: Readonly<Record<string, Expected>> = {
  'no command': usage(/no command specified\nPossible commands: backup, /),
  'unknown command': usage(/no such command 'frobnicate'/),
  // On purpose: help is what is meant.
  '--help as command': success,
  // On purpose: here it is unique.
  'ambiguous prefix': usage(/no command specified\nPossible commands: files, forget, list/),
  'prefix of a command': success,
  'backup without spec': usage(/'backupspec': missing argument/),
  'spec without colon': usage(/'root\.pxar': a source looks like NAME\.pxar:PATH/),
  'unknown archive type': usage(/archives are called NAME\.pxar/),
  'name with a dot': usage(/archives are called NAME\.pxar/),
  'same name twice': { code: 2, stderr: /got target twice: 'a\.pxar'/, tree: true },
  'missing source': failure(/unable to access 'no-such-dir' - ENOENT/),
  'file as pxar': failure(/expected directory.*'vm\.conf'/),
  'directory as conf': usage(PXAR_ONLY),
  'directory as img': usage(PXAR_ONLY),
  'empty image': usage(PXAR_ONLY),
  'bad chunk size': usage(/--chunk-size: '100' is none of 64, 128/),
  'chunk size too small': usage(/--chunk-size: '32' is none of 64, 128/),
  'chunk size not a number': usage(/--chunk-size: 'abc' is none of 64, 128/),
  'bad mode': usage(/--change-detection-mode: 'fast' is none of data/),
  'bad crypt mode': usage(/--crypt-mode: 'maybe' is none of none/),
  'crypt-mode none with key': usage(KEY),
  'encrypt without key': usage(KEY),
  'sign-only without key': usage(KEY),
  'missing key file': usage(KEY),
  'keyfile and keyfd': usage(KEY),
  'key without password': usage(KEY),
  'key with wrong password': usage(KEY),
  'key with wrong password (pbkdf2)': usage(KEY),
  'master key without key': usage(KEY),
  'include-dev with all-file-systems': usage(/exclude each other/),
  'bad exclude pattern': usage(/malformed named character class in pattern, starting at byte 1/),
  'empty exclude': success,
  'entries-max exceeded': failure(/entries/),
  'bad backup-id': usageOfTree(/"a\/b": a backup id has letters/),
  'bad backup-type': usageOfTree(/--backup-type: 'tape' is none of vm, ct, host/),
  'backup-time 0': usageOfTree(/--backup-time: '0' is not an integer of at least 1/),
  'old backup-time': { code: 1, stderr: /not newer than the last snapshot/, tree: true },
  'bad namespace': usageOfTree(/"a\/\/b": a namespace has/),
  'option twice': usage(/--ns: given more than once/),
  'unknown option': usage(/unknown option --colour/),
  'boolean without value (default false)': usage(/backs up .pxar archives only/),
  'bad boolean': usage(/--dry-run: 'maybe' is not a boolean/),
  'bad output format': usage(/--output-format: 'yaml' is none of text, json, json-pretty/),
  'superfluous argument': usage(/got additional arguments: \["x"\]/),
  'bad repository': usage(/'not a repo' names a server/),
  'repository and server': usage(SERVER),
  'server without datastore': usage(SERVER),
  'port out of range': usage(SERVER),
  'connection refused': usage(SERVER),
  'restore into existing file': failure(/vm\.conf|ENOTDIR|not a directory/i),
  'restore unknown archive': failure(/"nope\.pxar": the snapshot has no such archive/),
  'restore unknown extension': usage(/"nope\.foo": unknown kind of archive/),
  'restore bad snapshot': failure(/host\/x has no finished snapshot/),
  'restore malformed snapshot': usage(/"x": a snapshot looks like/),
  'restore bad time': usage(/"2023-99-14T22:46:40Z": a backup time looks like/),
  'split archive to stdout': failure(/unable to pipe split archive/),
  'rate not a number': usage(/--rate limits a network connection/),
  'catalog dump of a group': usage(/"host\/alpha": a snapshot looks like/),
};

/** No fault with a local datastore: there is a default one, and nobody asks for a secret. */
const NOT_WRONG_HERE = new Set(['no repository', 'token without secret']);
/** First words of commands that come with later versions. */
const LATER = /^(?:prune|key|namespace|mount|map|task)$|^snapshot (?:notes|upload-log)$/;

function isLater([first = '', second = '']: readonly string[]): boolean {
  return LATER.test(first) || LATER.test(`${first} ${second}`);
}

test('each of the reference client’s wrong command lines ends in the documented code with a clear message', async (t) => {
  await withGolden(async ({ run }) => {
    for (const { case: name, arguments: words } of misuses) {
      if (NOT_WRONG_HERE.has(name)) continue;
      const expected = isLater(words) ? usage(/no such command '/) : EXPECTED[name];
      if (expected === undefined) throw new Error(`no expectation for '${name}'`);
      const own = expected.tree
        ? words.map((word) => word.replace(/^a\.conf:vm\.conf$/, 'a.pxar:alpha'))
        : words;
      const { code, stderr } = await run(own);
      t.is(code, expected.code, `${name}: ${stderr}`);
      t.regex(stderr, expected.stderr, name);
      if (code === 2) t.regex(stderr, /^Error: .*\nSee: restat help.*\n$/s, name);
    }
  });
});
