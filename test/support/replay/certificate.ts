/** A self-signed certificate for one server, made when it is needed. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withTemporaryDirectory } from '../world.js';

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** SHA-256 of the certificate: lower-case hex, bytes separated by colons. protocol.md §2.1. */
  readonly fingerprint: string;
}

/** Valid for localhost and 127.0.0.1. */
export function makeCertificate(): Promise<Certificate> {
  return withTemporaryDirectory(async (directory) => {
    const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', keyFile, '-out', certFile];
    await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...curve, ...subject, ...files]);
    const [key, cert] = [await readFile(keyFile), await readFile(certFile)];
    return { key, cert, fingerprint: new X509Certificate(cert).fingerprint256.toLowerCase() };
  });
}
