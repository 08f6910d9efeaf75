/** Key files that are none. Nothing that is wrong with them costs much time, or shows the key. */
import { randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { KeyError } from '../../src/keys/errors.js';
import { checkKdf } from '../../src/keys/kdf.js';
import { formatKeyFile, type KeyFile, parseKeyFile } from '../../src/keys/key-file.js';
import { EXAMPLE, KEYS } from './vectors.js';

const NONE = KEYS.find(({ kdf }) => kdf === 'none')!.bytes.toString();
const PBKDF2 = KEYS.find(({ kdf }) => kdf === 'pbkdf2')!.bytes.toString();
const SECRET = /"data":"(.+?)"/.exec(NONE)![1]!;

/** The error's code; its message never has the key. */
function codeOf(json: string | Buffer): string {
  try {
    parseKeyFile(Buffer.from(json), 'key.json');
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    if (`${error.message} ${error.stack} ${String(error.cause)}`.includes(SECRET))
      return 'the key is in the error';
    return error.code;
  }
  return 'nothing';
}

const edited = (json: string, from: string | RegExp, to: string): string => {
  const result = json.replace(from, to);
  if (result === json) throw new Error(`${from} is not there`);
  return result;
};

test('each field that is wrong is an error with a code', (t) => {
  const wrong: readonly [json: string, code: string][] = [
    [edited(NONE, '"kdf":null,', ''), 'KEY_FILE_SHAPE'],
    [edited(NONE, 'null', '"None"'), 'KEY_FILE_SHAPE'],
    [edited(NONE, 'null', '{}'), 'KEY_FILE_SHAPE'],
    [edited(NONE, 'null', '{"Argon2":{"salt":""}}'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"created":"[^"]*"/, '"created":1700000000'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"created":"[^"]*"/, '"created":"yesterday"'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"created":"[^"]*"/, '"created":"1969-12-31T00:00:00+00:00"'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"modified":"[^"]*",/, ''), 'KEY_FILE_SHAPE'],
    [edited(NONE, SECRET, ''), 'KEY_FILE_SHAPE'],
    [edited(NONE, SECRET, SECRET.slice(4)), 'KEY_FILE_SHAPE'],
    [edited(NONE, SECRET, `AAAA${SECRET}`), 'KEY_FILE_SHAPE'],
    [edited(NONE, SECRET, SECRET.slice(0, -1)), 'KEY_FILE_SHAPE'],
    [edited(NONE, SECRET, `!${SECRET.slice(1)}`), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"data":"[^"]*"/, '"data":17'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"data":"([^"]*)"/, '"data":["$1"]'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"data":"([^"]*)"/, '"d\\u0061ta":"$1"'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /("data":"[^"]*")/, '$1,$1'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /("data":"[^"]*")/, '$1,"d\\u0061ta":"x"'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"fingerprint":"../, '"fingerprint":"'), 'KEY_FILE_SHAPE'],
    [edited(NONE, /"fingerprint":"[^"]*"/, '"fingerprint":{}'), 'KEY_FILE_SHAPE'],
    [edited(PBKDF2, /"hint":"[^"]*"/, `"hint":"${'x'.repeat(1025)}"`), 'KEY_FILE_SHAPE'],
    [edited(PBKDF2, /"salt":"../, '"salt":"'), 'KEY_FILE_SHAPE'],
    [edited(PBKDF2, /"salt":"/, `"salt":"${'A'.repeat(4096)}`), 'KEY_FILE_SHAPE'],
    [edited(PBKDF2, /"data":"..../, '"data":"'), 'KEY_FILE_SHAPE'],
    [edited(PBKDF2, /\{"PBKDF2.*?\}\}/, 'null'), 'KEY_FILE_SHAPE'],
    ['', 'KEY_FILE_SHAPE'],
    ['null', 'KEY_FILE_SHAPE'],
    [`[${NONE}]`, 'KEY_FILE_SHAPE'],
    [`${NONE}${NONE}`, 'KEY_FILE_SHAPE'],
    [`${NONE},`, 'KEY_FILE_SHAPE'],
    ['{"data":"', 'KEY_FILE_SHAPE'],
    ['{"data":"\\', 'KEY_FILE_SHAPE'],
    ['-----BEGIN PUBLIC KEY-----\n', 'KEY_FILE_SHAPE'],
    [`${NONE}${' '.repeat(64 * 1024)}`, 'KEY_FILE_SIZE'],
  ];
  for (const [json, code] of wrong) t.is(codeOf(json), code, json.slice(0, 300));
  t.is(codeOf(Buffer.from(edited(PBKDF2, 'horse', '\u00ff'), 'latin1')), 'KEY_FILE_SHAPE');
});

test('a key file cut anywhere is no key file', (t) => {
  for (let length = 0; length < NONE.length; length += 1)
    t.is(codeOf(NONE.slice(0, length)), 'KEY_FILE_SHAPE');
});

test('parameters that would take all memory or time are refused before they are used', (t) => {
  const scrypt = (parameters: string): string => edited(EXAMPLE.json, '"n":65536,"r":8,"p":1', parameters);
  const iterations = (count: string): string => edited(PBKDF2, '65535', count);
  const refused = [
    ...['0', '1', '-2', '3', '65535', '1.5', '1e300', '2097152', '1073741824'].map((n) =>
      scrypt(`"n":${n},"r":8,"p":1`),
    ),
    ...['0', '-1', '0.5', '4294967296'].map((r) => scrypt(`"n":65536,"r":${r},"p":1`)),
    ...['0', '-1', '17', '1073741823'].map((p) => scrypt(`"n":65536,"r":8,"p":${p}`)),
    scrypt('"n":2,"r":1,"p":8388608'),
    scrypt('"n":2,"r":4194304,"p":2'),
    ...['0', '-1', '1.5', '10000001', '1e300'].map(iterations),
  ];
  for (const json of refused) t.is(codeOf(json), 'KEY_KDF', json.slice(0, 80));
  for (const json of [
    scrypt('"n":1048576,"r":8,"p":1'),
    scrypt('"n":65536,"r":8,"p":16'),
    iterations('10000000'),
  ])
    t.is(codeOf(json), 'nothing');
  for (const json of [scrypt('"n":"65536","r":8,"p":1'), scrypt('"n":65536,"r":8'), iterations('null')])
    t.is(codeOf(json), 'KEY_FILE_SHAPE');
  t.throws(() => checkKdf({ name: 'pbkdf2', iterations: Number.NaN, salt: Buffer.alloc(0) }), {
    code: 'KEY_KDF',
  });
});

test('blanks, other orders, other fields, other zones and the absence of what is optional do not matter', (t) => {
  const { kdf: _, ...rest } = JSON.parse(NONE);
  const json = JSON.stringify(
    { nested: { data: 'x', list: ['"data":"', '\\'] }, ...rest, kdf: null },
    null,
    3,
  );
  t.deepEqual(parseKeyFile(Buffer.from(json), 'key'), parseKeyFile(Buffer.from(NONE), 'key'));
  const bare = edited(NONE, /,"fingerprint".*\}/, ',"fingerprint":null}');
  t.like(parseKeyFile(Buffer.from(bare), 'key'), { fingerprint: undefined, hint: undefined });
  const zone = edited(EXAMPLE.json, '2023-11-14T22:13:20+00:00', '2023-11-15T00:13:20.9+02:00');
  t.is(parseKeyFile(Buffer.from(zone), 'key').created, 1_700_000_000);
});

test('any key file is read as it was written, compact and pretty', (t) => {
  const bytes = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((b) => Buffer.from(b));
  const salt = bytes(32);
  const kdf = fc.oneof(
    fc.constant(undefined),
    fc.record({
      name: fc.constant('scrypt' as const),
      n: fc.constantFrom(2, 1024),
      r: fc.constant(8),
      p: fc.constant(1),
      salt,
    }),
    fc.record({
      name: fc.constant('pbkdf2' as const),
      iterations: fc.integer({ min: 1, max: 10_000_000 }),
      salt,
    }),
  );
  const time = fc.integer({ min: 0, max: 253_402_300_799 });
  const hint = fc.option(fc.string({ unit: 'grapheme', maxLength: 64 }), { nil: undefined });
  const file = fc
    .tuple(kdf, time, time, hint, fc.boolean())
    .chain(([k, created, modified, h, pretty]) =>
      bytes(k === undefined ? 32 : 64).map((data): [KeyFile, boolean] => [
        { kdf: k, created, modified, data, fingerprint: undefined, hint: h },
        pretty,
      ]),
    );
  fc.assert(
    fc.property(file, ([value, pretty]) => {
      t.deepEqual(parseKeyFile(formatKeyFile(value, { pretty }), 'key'), value);
    }),
  );
});

test('whatever the bytes are, the answer is a key file or a KeyError', (t) => {
  fc.assert(
    fc.property(fc.nat(NONE.length - 1), fc.uint8Array({ maxLength: 4 }), fc.nat(8), (at, put, drop) => {
      const bytes = Buffer.from(NONE);
      const damaged = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
      try {
        parseKeyFile(damaged, 'key');
      } catch (error) {
        t.true(error instanceof KeyError);
      }
    }),
    { numRuns: 1000 },
  );
  t.is(codeOf(randomBytes(1000)), 'KEY_FILE_SHAPE');
});
