/** One change to a recorded encrypted backup, and the sentence that the replayer must say of it. */
import { constants, createHash, publicEncrypt } from 'node:crypto';
import test from 'ava';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { encodeBlob } from '../../src/snapshot/blob.js';
import { KEYS } from '../keys/vectors.js';
import { fixture } from '../snapshot/fixtures.js';
import { keyOfClient, openedByMaster } from '../support/replay/recorded-key.js';
import { readSession } from '../support/replay/recording.js';
import { type Case, declareCases, edit, editBlob, editTarget, whole, without } from './changes.js';
import type { Changes } from './resend.js';

const SESSION = 'backup-encrypted';
const { client, connections } = readSession(`${SESSION}.jsonl`, SESSION);
const recordedKey = keyOfClient(client)!;
const secretOf = (name: string): Buffer =>
  Buffer.from(KEYS.find(({ file }) => file === name)!.enc_key, 'hex');
const [own, other] = ['key-scrypt.json', 'key-none.json'].map((name) => new EncryptionKey(secretOf(name)));

const MANIFEST = 'index.json.blob';
const MASTER = 'rsa-encrypted.key.blob';
/** The catalog's. */
const CHUNK = '1b185e82c03390b1ce8fc57805fd00b2a4c28eb1ad5e890c80eb332792b548db';

const upload = connections[0]!.streams.find(({ target }) => target.includes(CHUNK))!;
const content = recordedKey.open(upload.body.whole!);
const PLAIN_DIGEST = createHash('sha256').update(content).digest('hex');

/** Another container in what is uploaded to a target with this in it. */
function editContainer(path: string, part: string, change: (container: Buffer) => Buffer): Changes {
  return edit('POST', path, (exchange) => {
    if (!exchange.target.includes(part)) return exchange;
    const container = change(exchange.body.whole!);
    const target = exchange.target.replace(/encoded-size=\d+/, `encoded-size=${container.length}`);
    return { ...exchange, target, body: whole(container) };
  });
}

function sealedWith(key: EncryptionKey | undefined): (container: Buffer) => Buffer {
  return (container) => encodeBlob(recordedKey.open(container), 'x', { compress: true, key });
}

/** The key file for the master key with something else in it. */
function otherMasterBlob(from: string, to: string): Changes {
  return editContainer('/blob', MASTER, (container) => {
    const text = openedByMaster(container.subarray(12)).replace(from, to);
    const key = { key: fixture('keys/master-public.pem'), padding: constants.RSA_PKCS1_PADDING };
    return encodeBlob(publicEncrypt(key, Buffer.from(text)), MASTER, { compress: false });
  });
}

const CASES: readonly Case[] = [
  {
    title: 'a plain chunk in an encrypted backup',
    changes: editContainer('/dynamic_chunk', CHUNK, sealedWith(undefined)),
    reported: /detected chunk with wrong digest/,
  },
  {
    title: 'a plain chunk with a plain digest',
    changes: {
      streams: (all) =>
        editContainer('/dynamic_chunk', CHUNK, sealedWith(undefined)).streams!(all).map((each) => ({
          ...each,
          target: each.target.replace(CHUNK, PLAIN_DIGEST),
        })),
    },
    reported: /the chunk is not encrypted/,
  },
  {
    title: 'an encrypted chunk with a plain digest',
    changes: editTarget('POST', '/dynamic_chunk', CHUNK, PLAIN_DIGEST),
    reported: /the digest is not that of the recorded key/,
  },
  {
    title: 'a chunk that another key encrypted',
    changes: editContainer('/dynamic_chunk', CHUNK, sealedWith(other)),
    reported: /the recorded key does not open the chunk/,
  },
  {
    title: 'a wrong length of an encrypted chunk',
    changes: editTarget('POST', '/dynamic_chunk', '&size=650', '&size=651'),
    reported: /the encrypted chunk has 650 bytes, not 651/,
  },
  {
    title: 'an encrypted chunk in a plain backup',
    file: 'backup-data.jsonl',
    session: 'backup-data',
    changes: editContainer('/dynamic_chunk', '&size=60&', () =>
      encodeBlob(Buffer.alloc(60), 'x', { compress: false, key: own }),
    ),
    reported: /the chunk is encrypted/,
  },
  {
    title: 'a wrong signature',
    changes: editBlob(MANIFEST, /("signature": ")..../, '$10000'),
    reported: /the manifest: its signature is wrong/,
  },
  {
    title: 'no signature',
    changes: editBlob(MANIFEST, /"signature": "\w+"/, '"signature": null'),
    reported: /the manifest: it is signed, or not, unlike the recorded one/,
  },
  {
    title: 'no fingerprint',
    changes: editBlob(MANIFEST, 'key-fingerprint', 'no-fingerprint'),
    reported: /the manifest: unprotected\.key-fingerprint is not the recorded one/,
  },
  {
    title: 'another fingerprint',
    changes: editBlob(MANIFEST, 'e1:3c', 'e1:3d'),
    reported: /the manifest: unprotected\.key-fingerprint is not the recorded one/,
  },
  {
    title: 'one file that is not called encrypted',
    changes: editBlob(MANIFEST, '"crypt-mode": "encrypt"', '"crypt-mode": "none"'),
    reported: /the manifest: \S+ has crypt mode none, not encrypt/,
  },
  {
    title: 'a plain blob in an encrypted backup',
    changes: editContainer('/blob', 'a.conf.blob', sealedWith(undefined)),
    reported: /a\.conf\.blob: its content is not the recorded one/,
  },
  {
    title: 'no key for the master key',
    changes: { streams: (all) => all.filter(({ target }) => !target.endsWith(MASTER)) },
    reported: /^rsa-encrypted\.key\.blob never came$/,
  },
  {
    title: 'the key for the master key, encrypted with itself',
    changes: editContainer('/blob', MASTER, (container) =>
      encodeBlob(container.subarray(12), MASTER, { compress: false, key: own }),
    ),
    reported: /rsa-encrypted\.key\.blob: its content is not the recorded one/,
  },
  {
    title: 'another key for the master key',
    changes: otherMasterBlob('"data":"', '"data":"AAAA'),
    reported: /rsa-encrypted\.key\.blob: its content is not the recorded one/,
  },
  {
    title: 'known encrypted chunks without the index that makes them known',
    session: 'backup-encrypted-metadata-2',
    changes: without('GET', '/previous?archive-name=root.ppxar.didx'),
    reported: /root\.ppxar\.didx: no such chunk 319cbc07/,
  },
];

declareCases(
  test,
  CASES.map((each) => ({ file: `${SESSION}.jsonl`, session: SESSION, ...each })),
);
