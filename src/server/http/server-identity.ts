/** Who a server is: its certificate, and the name of its installation. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { type Identity, makeCertificate } from './certificate.js';
import { ServeError } from './serve-error.js';
import { readOrCreate } from './state-file.js';

/** A key with a certificate that belongs to it. */
export interface ServerCertificate extends Identity {
  /** SHA-256 of the certificate: lower-case hex with colons. protocol.md §2.1. */
  readonly fingerprint: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

/** What clients need to know of a key and a certificate. Throws ServeError `SERVE_CERTIFICATE`; what is in the key is never said. */
export function checkCertificate({ key, cert }: Identity, name: string): ServerCertificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    throw new ServeError('SERVE_CERTIFICATE', `${name}: this is no certificate in PEM form`, { cause });
  }
  if (!belongs(certificate, key))
    throw new ServeError('SERVE_CERTIFICATE', `${name}: the key is none, or belongs to another certificate`);
  return {
    key,
    cert,
    fingerprint: certificate.fingerprint256.toLowerCase(),
    expires: Math.floor(Date.parse(certificate.validTo) / 1000),
  };
}

function belongs(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    // The cause may quote the key.
    return false;
  }
}

/** The certificate of earlier starts, in one file with its key; made at the first. Throws ServeError and system errors. */
export async function ownCertificate(
  directory: string,
  names: readonly string[],
  now: number,
): Promise<ServerCertificate> {
  const path = join(directory, 'certificate.pem');
  const text = await readOrCreate(path, () => {
    const { key, cert } = makeCertificate({ names, now });
    return key + cert;
  });
  return checkCertificate({ key: text, cert: text }, path);
}

/** Name of the installation: 32 hex digits, the same at each start. Throws ServeError and system errors. */
export async function instanceId(directory: string): Promise<string> {
  const path = join(directory, 'instance-id');
  const text = await readOrCreate(path, () => `${randomBytes(16).toString('hex')}\n`);
  const id = text.trim();
  if (!/^[0-9a-f]{32}$/.test(id)) throw new ServeError('SERVE_STATE', `${path} holds no 32 hex digits`);
  return id;
}
