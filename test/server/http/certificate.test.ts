/** The certificate that a server makes for itself. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import test from 'ava';
import { makeCertificate } from '../../../src/server/http/certificate.js';
import { ServeError } from '../../../src/server/http/serve-error.js';
import { checkCertificate, instanceId, ownCertificate } from '../../../src/server/http/server-identity.js';
import { listen } from '../../support/listen.js';
import { withTemporaryDirectory } from '../../support/world.js';

const NOW = Math.floor(Date.now() / 1000);
const NAMES = ['backup.example.org', 'localhost', '127.0.0.1', '::1', 'fd00::12:3', '::ffff:10.0.0.7'];

test('a certificate is for its names, for ten years, on P-256, and signs nothing but itself', async (t) => {
  const { cert, key } = makeCertificate({ names: NAMES, now: NOW });
  const parsed = new X509Certificate(cert);
  t.true(parsed.verify(parsed.publicKey));
  t.is(parsed.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  t.is(parsed.subject, 'CN=backup.example.org');
  t.false(parsed.ca);
  for (const name of ['backup.example.org', 'localhost']) t.is(parsed.checkHost(name), name);
  for (const address of ['127.0.0.1', '::1', 'fd00::12:3']) t.is(parsed.checkIP(address), address);
  t.is(parsed.checkHost('other.example.org'), undefined);
  t.is(parsed.checkIP('127.0.0.2'), undefined);
  const years = (Date.parse(parsed.validTo) / 1000 - NOW) / (365 * 86_400);
  t.true(years > 9.99 && years < 10.01);
  t.true(Date.parse(parsed.validFrom) / 1000 < NOW);
  t.regex(key, /^-----BEGIN PRIVATE KEY-----/);
  const other = new X509Certificate(makeCertificate({ names: NAMES, now: NOW }).cert);
  t.not(other.serialNumber, parsed.serialNumber);
});

test('a certificate that ends after 2049 has a date with four digits for the year', (t) => {
  const { cert } = makeCertificate({ names: ['localhost'], now: Date.UTC(2045, 0, 1) / 1000 });
  t.regex(new X509Certificate(cert).validTo, /2054/);
});

test('OpenSSL reads it without a complaint', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'c.pem');
    await writeFile(path, makeCertificate({ names: NAMES, now: NOW }).cert);
    const run = promisify(execFile);
    const { stdout } = await run('openssl', ['x509', '-in', path, '-noout', '-text']);
    t.regex(stdout, /X509v3 Basic Constraints: critical\s+CA:FALSE/);
    t.regex(stdout, /X509v3 Key Usage: critical\s+Digital Signature\n/);
    t.regex(stdout, /TLS Web Server Authentication/);
    const verify = ['verify', '-x509_strict', '-CAfile', path, '-purpose', 'sslserver', path];
    t.regex((await run('openssl', verify)).stdout, /: OK/);
  });
});

test('a client that trusts it connects by any of its names', async (t) => {
  const { cert, key } = makeCertificate({ names: ['localhost', '127.0.0.1'], now: NOW });
  await listen(createServer({ cert, key }), (port) =>
    Promise.all(
      ['localhost', '127.0.0.1'].map(async (host) => {
        const authorized = await new Promise<boolean>((resolve, reject) => {
          const servername = host === 'localhost' ? { servername: host } : {};
          const socket = connect({ host: '127.0.0.1', port, ca: cert, ...servername }, () => {
            resolve(socket.authorized);
            socket.destroy();
          });
          socket.once('error', reject);
        });
        t.true(authorized, host);
      }),
    ).then(() => undefined),
  );
});

test('it is made once and kept for its owner only', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    const state = join(directory, 'state');
    const first = await ownCertificate(state, ['localhost'], NOW);
    const path = join(state, 'certificate.pem');
    t.is((await stat(path)).mode & 0o777, 0o600);
    t.is((await stat(state)).mode & 0o777, 0o700);
    t.deepEqual(await ownCertificate(state, ['elsewhere'], NOW + 1), first);
    t.regex(first.fingerprint, /^([0-9a-f]{2}:){31}[0-9a-f]{2}$/);
    const parallel = join(directory, 'parallel');
    const [a, b] = await Promise.all([1, 2].map(() => ownCertificate(parallel, ['localhost'], NOW)));
    t.deepEqual(a, b);
    await chmod(path, 0o640);
    await t.throwsAsync(ownCertificate(state, [], NOW), { instanceOf: ServeError, code: 'SERVE_STATE' });
  });
});

test('a damaged or foreign key is refused and never quoted', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    const one = makeCertificate({ names: ['localhost'], now: NOW });
    const two = makeCertificate({ names: ['localhost'], now: NOW });
    for (const key of [two.key, '', 'SECRET', one.key.slice(0, 100)]) {
      const error = t.throws(() => checkCertificate({ cert: one.cert, key }, 'x'), {
        instanceOf: ServeError,
      });
      t.is(error.code, 'SERVE_CERTIFICATE');
      t.false(`${error.message} ${String(error.cause)}`.includes('SECRET'));
    }
    t.throws(() => checkCertificate({ cert: 'nonsense', key: one.key }, 'x'), { code: 'SERVE_CERTIFICATE' });
    await ownCertificate(directory, ['localhost'], NOW);
    await writeFile(join(directory, 'certificate.pem'), 'nonsense');
    await t.throwsAsync(ownCertificate(directory, [], NOW), { code: 'SERVE_CERTIFICATE' });
  });
});

test('the name of an installation stays', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    const id = await instanceId(directory);
    t.regex(id, /^[0-9a-f]{32}$/);
    t.is(await instanceId(directory), id);
    t.is(await readFile(join(directory, 'instance-id'), 'utf8'), `${id}\n`);
    await rename(join(directory, 'instance-id'), join(directory, 'other'));
    await symlink(join(directory, 'other'), join(directory, 'instance-id'));
    await t.throwsAsync(instanceId(directory), { code: 'SERVE_STATE', message: /is a symbolic link/ });
    await rm(join(directory, 'instance-id'));
    await writeFile(join(directory, 'instance-id'), 'x', { mode: 0o600 });
    await t.throwsAsync(instanceId(directory), { code: 'SERVE_STATE' });
  });
});
