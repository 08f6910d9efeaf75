/** Certificates of the authorities that the system trusts. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

/** Where distributions keep them in one file. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g;
const FILE_NAME = /\.(?:pem|crt|cer|\d+)$/;

async function certificatesIn(path: string): Promise<string[]> {
  return (await readFile(path, 'latin1')).match(CERTIFICATE) ?? [];
}

/** Files that cannot be read are left out, as OpenSSL does: what they would vouch for is then not accepted. */
async function certificatesBelow(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const files = names.filter((name) => FILE_NAME.test(name)).sort();
  const found = await Promise.all(files.map((name) => certificatesIn(join(directory, name)).catch(() => [])));
  return found.flat();
}

/** The first of the files that is there. */
async function firstBundle(): Promise<readonly string[]> {
  for (const path of BUNDLES) {
    const found = await certificatesIn(path).catch(() => []);
    if (found.length > 0) return found;
  }
  return rootCertificates;
}

/**
 * PEM certificates: those of `$SSL_CERT_FILE` and `$SSL_CERT_DIR` (several directories with colons between) where one of them is set,
 * else the distribution's, else those that came with Node.
 */
export async function systemAuthorities(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const [file, directories] = [env['SSL_CERT_FILE'], env['SSL_CERT_DIR']];
  if (!file && !directories) return firstBundle();
  const found = await Promise.all([
    file ? certificatesIn(file).catch(() => []) : [],
    ...(directories ?? '')
      .split(':')
      .map((directory) => (directory === '' ? [] : certificatesBelow(directory))),
  ]);
  return [...new Set(found.flat())];
}
