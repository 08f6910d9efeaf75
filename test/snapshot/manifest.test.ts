import { createHmac } from 'node:crypto';
import test from 'ava';
import { z } from 'zod';
import { decodeBlob, encodeBlob } from '../../src/snapshot/blob.js';
import { ManifestError } from '../../src/snapshot/errors.js';
import {
  canonicalManifest,
  decodeManifest,
  encodeManifest,
  formatManifest,
  parseManifest,
} from '../../src/snapshot/manifest.js';
import { datastoreFiles, fixture, fixtureNames } from './fixtures.js';

const fromBlobs = fixtureNames('blobs')
  .filter((name) => name.startsWith('encrypt') || name === 'plain' || name === 'sign-only')
  .map((name) => `blobs/${name}/index.json.blob`);
const manifests = new Map([
  ...fromBlobs.map((path): [string, Buffer] => [path, fixture(path)]),
  ...[...datastoreFiles()].filter(([path]) => path.endsWith('index.json.blob')),
]);

test('manifests of the real programs are written again with the same text', (t) => {
  t.true(manifests.size > 15);
  for (const [path, bytes] of manifests) {
    const manifest = decodeManifest(bytes, path);
    t.is(formatManifest(manifest), decodeBlob(bytes, path).toString(), path);
    t.is(formatManifest(decodeManifest(encodeManifest(manifest))), formatManifest(manifest), path);
  }
});

test('the signature is made of the canonical text', (t) => {
  const { keys_derived: keys } = z
    .object({ keys_derived: z.array(z.object({ id_key: z.string(), fingerprint: z.string() })) })
    .parse(JSON.parse(fixture('blobs/blobs.json').toString()));
  const signed = [...manifests]
    .map(([path, bytes]) => decodeManifest(bytes, path))
    .filter(({ signature }) => signature !== null);
  t.true(signed.length > 3);
  for (const manifest of signed) {
    const key = keys.find(({ fingerprint }) => fingerprint === manifest.unprotected['key-fingerprint']);
    const idKey = Buffer.from(key?.id_key ?? '', 'hex');
    const signature = createHmac('sha256', idKey).update(canonicalManifest(manifest)).digest('hex');
    t.deepEqual({ ...manifest, signature }, manifest);
  }
});

const vector =
  '{"backup-id":"elsa","backup-time":1593179765,"backup-type":"host","files":[{"crypt-mode":"encrypt","csum":"0101010101010101010101010101010101010101010101010101010101010101","filename":"test1.img.fidx","size":200},{"crypt-mode":"none","csum":"0202020202020202020202020202020202020202020202020202020202020202","filename":"abc.blob","size":200}]}';

test('a manifest without signature, crypt-mode and unprotected is read with their defaults', (t) => {
  t.is(canonicalManifest(parseManifest(Buffer.from(vector), 'v')), vector);
  const old = parseManifest(Buffer.from(vector.replace('"crypt-mode":"none",', '')), 'old');
  t.is(old.files[1]?.cryptMode, 'none');
  t.is(old.signature, null);
  t.deepEqual(old.unprotected, {});
  t.is(canonicalManifest(old), vector);
});

test('any order, white space and container are read; unknown keys are dropped outside unprotected', (t) => {
  const text = `
    {"unprotected": {"z": [1, null, {}], "notes": "ü\\n\\u0001", "2": [], "10": {"b": 1, "a": true}, "nested": {"unknown": 1.5}},
     "signature": null, "files": [{"size": 1, "unknown": [], "filename": "a.conf.blob",
     "csum": "${'ab'.repeat(32)}", "crypt-mode": "sign-only"}],
     "backup-type": "vm", "unknown": {}, "backup-time": 5, "backup-id": "100"}`;
  const manifest = decodeManifest(encodeBlob(Buffer.from(text), 'x', { compress: false }));
  const expected = `{
  "backup-id": "100",
  "backup-time": 5,
  "backup-type": "vm",
  "files": [
    {
      "crypt-mode": "sign-only",
      "csum": "${'ab'.repeat(32)}",
      "filename": "a.conf.blob",
      "size": 1
    }
  ],
  "signature": null,
  "unprotected": {
    "10": {
      "a": true,
      "b": 1
    },
    "2": [],
    "nested": {
      "unknown": 1.5
    },
    "notes": "ü\\n\\u0001",
    "z": [
      1,
      null,
      {}
    ]
  }
}`;
  t.is(formatManifest(manifest), expected);
});

test('what is not a manifest is refused with a code and the file', (t) => {
  const refused = (text: string | Buffer, code: string): void => {
    const error = t.throws(() => parseManifest(Buffer.from(text), 'dir/index.json.blob'), {
      instanceOf: ManifestError,
      code,
    });
    t.is(error.file, 'dir/index.json.blob');
  };
  refused('', 'MANIFEST_JSON');
  refused('{', 'MANIFEST_JSON');
  refused(Buffer.from([0x22, 0xff, 0x22]), 'MANIFEST_JSON');
  refused('[]', 'MANIFEST_SHAPE');
  refused('null', 'MANIFEST_SHAPE');
  refused(vector.replace('elsa', '../elsa'), 'MANIFEST_SHAPE');
  refused(vector.replace('abc.blob', '../abc.blob'), 'MANIFEST_SHAPE');
  refused(vector.replace('abc.blob', 'test1.img.fidx'), 'MANIFEST_SHAPE');
  refused(vector.replace('abc.blob', 'abc.txt'), 'MANIFEST_SHAPE');
  refused(vector.replace('"host"', '"node"'), 'MANIFEST_SHAPE');
  refused(vector.replace('1593179765', '0'), 'MANIFEST_SHAPE');
  refused(vector.replace('1593179765', '1.5'), 'MANIFEST_SHAPE');
  refused(vector.replace('0202', '02'), 'MANIFEST_SHAPE');
  refused(vector.replace(':200', ':-1'), 'MANIFEST_SHAPE');
  refused(vector.replace('"encrypt"', '"rot13"'), 'MANIFEST_SHAPE');
  refused(vector.replace('"files":[', '"signature":"xyz","files":['), 'MANIFEST_SHAPE');
  refused(`${'['.repeat(100000)}${']'.repeat(100000)}`, 'MANIFEST_SHAPE');
});
