import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import {
  type CertificateQuestion,
  FingerprintCache,
  type FingerprintPolicy,
  fingerprintPolicy,
} from '../../../src/repository/pbs/fingerprints.js';
import { withTemporaryDirectory } from '../../support/world.js';

const of = (byte: string): string => Array.from({ length: 32 }, () => byte).join(':');
const [A, B] = [of('aa'), of('bb')];

function withCache(use: (cache: FingerprintCache, path: string) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'proxmox-backup', 'fingerprints');
    await mkdir(join(path, '..'));
    await use(new FingerprintCache(path), path);
  });
}

function policy(parts: Partial<FingerprintPolicy>): FingerprintPolicy {
  return {
    host: 'pbs',
    pinned: undefined,
    cache: undefined,
    ask: undefined,
    warn: () => undefined,
    ...parts,
  };
}

test('the file has a host and its fingerprint in each line; what is kept goes to the end', (t) =>
  withCache(async (cache, path) => {
    await writeFile(path, `one ${A}\nmalformed\n two\t${A} \nthree words here\n[fe80::1] ${A}\n`);
    await cache.keep('one', B);
    t.is(await readFile(path, 'utf8'), `two ${A}\n[fe80::1] ${A}\none ${B}\n`);
    t.is(await cache.find('one'), B);
    t.is(await cache.find('[fe80::1]'), A);
    t.is(await cache.find('four'), undefined);
  }));

test('a fingerprint in capitals is the same; one that is none does not count', (t) =>
  withCache(async (cache, path) => {
    await writeFile(path, `one ${A.toUpperCase()}\ntwo ${A}:aa\n`);
    t.is(await cache.find('one'), A);
    t.is(await cache.find('two'), undefined);
  }));

test('the pinned fingerprint is accepted in any case, another one is refused with both in the message', async (t) => {
  const accept = fingerprintPolicy(policy({ pinned: A.toUpperCase() }));
  await t.notThrowsAsync(accept(A, 'self-signed'));
  const error = await t.throwsAsync(accept(B, 'self-signed'), { code: 'SERVER_CERTIFICATE' });
  t.true(error.message.includes(A) && error.message.includes(B) && error.message.includes('self-signed'));
});

test('a pinned fingerprint turns the cache off for reading and writing', (t) =>
  withCache(async (cache, path) => {
    await cache.keep('pbs', B);
    const asked: CertificateQuestion[] = [];
    const ask = (question: CertificateQuestion) => Promise.resolve(asked.push(question) > 0);
    await fingerprintPolicy(policy({ pinned: A, cache, ask }))(B, 'p');
    t.deepEqual(asked, [{ host: 'pbs', fingerprint: B, expected: A, problem: 'p' }]);
    await fingerprintPolicy(policy({ pinned: A, cache, ask }))(of('cc'), 'p');
    t.is(await readFile(path, 'utf8'), `pbs ${B}\n`);
  }));

test('what a person accepts is kept, and asked for once by all connections', (t) =>
  withCache(async (cache) => {
    let asked = 0;
    const ask = () => {
      asked += 1;
      return Promise.resolve(true);
    };
    const accept = fingerprintPolicy(policy({ cache, ask }));
    await Promise.all([accept(A, 'p'), accept(A, 'p'), accept(A, 'p')]);
    t.is(asked, 1);
    t.is(await cache.find('pbs'), A);
    await t.notThrowsAsync(fingerprintPolicy(policy({ cache }))(A, 'p'));
    await t.throwsAsync(fingerprintPolicy(policy({ cache }))(B, 'p'), { code: 'SERVER_CERTIFICATE' });
  }));

test('what a person refuses stays refused and is not kept', (t) =>
  withCache(async (cache) => {
    const accept = fingerprintPolicy(policy({ cache, ask: () => Promise.resolve(false) }));
    await t.throwsAsync(accept(A, 'p'), { code: 'SERVER_CERTIFICATE' });
    t.is(await cache.find('pbs'), undefined);
  }));

test('a fingerprint that cannot be kept is a warning', (t) =>
  withTemporaryDirectory(async (directory) => {
    await writeFile(join(directory, 'file'), '');
    const warnings: string[] = [];
    const cache = new FingerprintCache(join(directory, 'file', 'fingerprints'));
    const ask = () => Promise.resolve(true);
    const warn = (message: string) => void warnings.push(message);
    await fingerprintPolicy(policy({ cache, ask, warn }))(A, 'p');
    t.regex(warnings.join(), /^the fingerprint of pbs could not be kept: E/);
  }));
