/** A certificate authority for one test, and certificates that it signs. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificate } from './replay/certificate.js';
import { withTemporaryDirectory } from './world.js';

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

export interface Signed extends Certificate {
  /** The authority's certificate, PEM. */
  readonly authority: string;
}

/** A certificate for `name`: `DNS:localhost`, `IP:127.0.0.1` or several with commas between. */
export function makeSigned(name: string): Promise<Signed> {
  return withTemporaryDirectory(async (directory) => {
    const file = (path: string): string => join(directory, path);
    const req = (...words: string[]) => promisify(execFile)('openssl', ['req', '-x509', ...CURVE, ...words]);
    await req('-subj', '/CN=test authority', '-keyout', file('ca.key'), '-out', file('ca.pem'));
    const ca = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')];
    const what = ['-subj', '/CN=server', '-addext', `subjectAltName=${name}`];
    const constraints = ['-addext', 'basicConstraints=critical,CA:FALSE'];
    await req(...ca, ...what, ...constraints, '-keyout', file('key.pem'), '-out', file('cert.pem'));
    const [key, cert] = [await readFile(file('key.pem')), await readFile(file('cert.pem'))];
    const authority = await readFile(file('ca.pem'), 'latin1');
    return { key, cert, authority, fingerprint: new X509Certificate(cert).fingerprint256.toLowerCase() };
  });
}
