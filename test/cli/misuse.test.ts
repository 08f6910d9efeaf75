/** What the reference client was given by mistake: our exit code and message for each (docs/scripting.md). */
import test from 'ava';
import { misuses, withGolden } from './golden.js';

interface Expected {
  readonly code: number;
  readonly stderr: RegExp;
}

const usage = (stderr: RegExp): Expected => ({ code: 2, stderr });
const failure = (stderr: RegExp): Expected => ({ code: 1, stderr });
const success: Expected = { code: 0, stderr: /^(?!.*Error)/s };

const EXPECTED: Readonly<Record<string, Expected>> = {
  'no command': usage(/no command specified\nPossible commands: backup, /),
  'unknown command': usage(/no such command 'frobnicate'/),
  // On purpose: help is what is meant.
  '--help as command': success,
  'ambiguous prefix': usage(
    /command 's' is not unique\nPossible commands: serve, server-identity, snapshot, status\n/,
  ),
  'prefix of a command': success,
  'backup without spec': usage(/'backupspec': missing argument/),
  'spec without colon': usage(/'root\.pxar': a source looks like NAME\.pxar:PATH/),
  'unknown archive type': usage(/archives are called NAME\.pxar/),
  'name with a dot': usage(/archives are called NAME\.pxar/),
  'same name twice': usage(/got target twice: 'a\.conf'/),
  'missing source': failure(/unable to access 'no-such-dir' - ENOENT/),
  'file as pxar': failure(/expected directory.*'vm\.conf'/),
  'directory as conf': failure(/expected regular file.*'alpha'/),
  'directory as img': failure(/expected file, block device, or fifo.*'alpha'/),
  'empty image': failure(/expected file, block device, or fifo.*'\/dev\/null'/),
  'bad chunk size': usage(/--chunk-size: '100' is none of 64, 128/),
  'chunk size too small': usage(/--chunk-size: '32' is none of 64, 128/),
  'chunk size not a number': usage(/--chunk-size: 'abc' is none of 64, 128/),
  'bad mode': usage(/--change-detection-mode: 'fast' is none of legacy, data/),
  'bad crypt mode': usage(/--crypt-mode: 'maybe' is none of none/),
  'crypt-mode none with key': usage(/--keyfile\/--keyfd and --crypt-mode=none are mutually exclusive/),
  'encrypt without key': failure(/--crypt-mode without --keyfile and no default key file available/),
  'sign-only without key': failure(/--crypt-mode without --keyfile and no default key file available/),
  'missing key file': failure(/unable to read "no-such-key" - there is no such file/),
  'keyfile and keyfd': usage(/--keyfile and --keyfd cannot be used together/),
  'key without password': failure(/no password input mechanism available/),
  'key with wrong password': failure(/unable to decrypt the key: the password is wrong/),
  'key with wrong password (pbkdf2)': failure(/unable to decrypt the key: the password is wrong/),
  'master key without key': failure(
    /--master-pubkey-file\/--master-pubkey-fd specified, but no key available/,
  ),
  'include-dev with all-file-systems': usage(/exclude each other/),
  'bad exclude pattern': usage(/malformed named character class in pattern, starting at byte 1/),
  'empty exclude': success,
  'entries-max exceeded': failure(/entries/),
  'bad backup-id': usage(/"a\/b": a backup id has letters/),
  'bad backup-type': usage(/--backup-type: 'tape' is none of vm, ct, host/),
  'backup-time 0': usage(/--backup-time: '0' is not an integer of at least 1/),
  'old backup-time': failure(/not newer than the last snapshot/),
  'bad namespace': usage(/"a\/\/b": a namespace has/),
  'option twice': usage(/--ns: given more than once/),
  'unknown option': usage(/unknown option --colour/),
  'boolean without value (default false)': success,
  'bad boolean': usage(/--dry-run: 'maybe' is not a boolean/),
  'bad output format': usage(/--output-format: 'yaml' is none of text, json, json-pretty/),
  'superfluous argument': usage(/got additional arguments: \["x"\]/),
  'bad repository': usage(/'not a repo': this is no repository/),
  'repository and server': usage(/--repository and --server exclude each other/),
  'server without datastore': usage(/--datastore is needed/),
  'port out of range': usage(/--port: '99999' is not an integer from 1 to 65535/),
  'connection refused': failure(/the API token ann@pbs!laptop needs its secret/),
  'restore into existing file': failure(/vm\.conf|ENOTDIR|not a directory/i),
  'restore unknown archive': failure(/"nope\.pxar": the snapshot has no such archive/),
  'restore unknown extension': usage(/"nope\.foo": unknown kind of archive/),
  'restore bad snapshot': failure(/host\/x has no finished snapshot/),
  'restore malformed snapshot': usage(/"x": a snapshot looks like/),
  'restore bad time': usage(/"2023-99-14T22:46:40Z": a backup time looks like/),
  'split archive to stdout': failure(/unable to pipe split archive/),
  'rate not a number': usage(/--rate: 'fast' is not a size/),
  'snapshot notes of missing snapshot': failure(/there is no snapshot host\/alpha\/2001-01-01T00:00:00Z/),
  'prune keep 0': usage(/--keep-last: '0' is not an integer of at least 1/),
  'prune without group': usage(/'group': missing argument/),
  'namespace too deep': usage(/a namespace has at most 7 names/),
  'namespace delete root': usage(/the root namespace is neither made nor deleted/),
  'task log of bad upid': usage(/'UPID:x' is not the name of a task/),
  'upload-log missing file': failure(/ENOENT.*nofile/),
  'key create exists': failure(
    /unable to store "blobs\/key-none\.json" - something of this name exists already/,
  ),
  'key create hint with none': usage(/--hint: a key without a password has no password hint/),
  'key create without tty': failure(/unable to read passphrase - no tty/),
  'key show missing': failure(/unable to read "no-such-key" - there is no such file/),
  'key show default missing': failure(/no encryption file provided and no default file found/),
  'key bad kdf': usage(/--kdf: 'argon2' is none of none, scrypt, pbkdf2/),
  'catalog dump of a group': usage(/"host\/alpha": a snapshot looks like/),
};

/** No fault with a local datastore: there is a default one, and nobody asks for a secret. */
const NOT_WRONG_HERE = new Set(['no repository', 'token without secret']);
/** Commands that come with later versions. */
const LATER: ReadonlySet<string | undefined> = new Set(['mount', 'map']);

test('each of the reference client’s wrong command lines ends in the documented code with a clear message', async (t) => {
  await withGolden(async ({ run }) => {
    for (const { case: name, arguments: words, environment } of misuses) {
      if (NOT_WRONG_HERE.has(name)) continue;
      const expected = LATER.has(words[0]) ? usage(/no such command '/) : EXPECTED[name];
      if (expected === undefined) throw new Error(`no expectation for '${name}'`);
      const { code, stderr } = await run(words, environment);
      t.is(code, expected.code, `${name}: ${stderr}`);
      t.regex(stderr, expected.stderr, name);
      if (code === 2) t.regex(stderr, /^Error: .*\nSee: restat help.*\n$/s, name);
    }
  });
});
