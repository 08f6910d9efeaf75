/** A certificate that a server signs itself. RFC 5280, RFC 5758. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';
import * as asn1 from 'asn1js';

/** A key and its certificate. */
export interface Identity {
  /** PEM, PKCS#8. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
}

export interface CertificateOptions {
  /** DNS names and IP addresses under which the server is reached. */
  readonly names: readonly string[];
  /** Seconds since the epoch. */
  readonly now: number;
}

/** Ten years, in seconds; and a day for clocks that are behind. */
const LIFETIME = 10 * 365 * 86_400;
const BACKDATED = 86_400;
const SERIAL_BYTES = 16;
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const ALTERNATIVE_NAME = '2.5.29.17';
const KEY_IDENTIFIER = '2.5.29.14';
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
/** digitalSignature: the first of eight bits. */
const DIGITAL_SIGNATURE = { valueHex: Uint8Array.of(0x80), unusedBits: 7 };
/** Tag class of what a context defines. */
const CONTEXT = 3;
const DNS_NAME = 2;
const IP_ADDRESS = 7;
/** From here on a date needs four digits for its year. */
const LONG_YEAR = 2050;

type Item = asn1.BaseBlock;

function sequence(...value: Item[]): asn1.Sequence {
  return new asn1.Sequence({ value });
}

function oid(value: string): asn1.ObjectIdentifier {
  return new asn1.ObjectIdentifier({ value });
}

function time(seconds: number): Item {
  const valueDate = new Date(seconds * 1000);
  const long = valueDate.getUTCFullYear() >= LONG_YEAR;
  return long ? new asn1.GeneralizedTime({ valueDate }) : new asn1.UTCTime({ valueDate });
}

function commonName(value: string): Item {
  const attribute = sequence(oid(COMMON_NAME), new asn1.Utf8String({ value }));
  return sequence(new asn1.Set({ value: [attribute] }));
}

function der(item: Item): Uint8Array {
  return new Uint8Array(item.toBER());
}

function extension(id: string, value: Item, { critical }: { critical: boolean }): Item {
  const mark = critical ? [new asn1.Boolean({ value: true })] : [];
  return sequence(oid(id), ...mark, new asn1.OctetString({ valueHex: der(value) }));
}

/** The bytes of an address: four or sixteen. */
function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.'), Number);
  const hex = expandedGroups(new SocketAddress({ address, family: 'ipv6' }).address);
  return Buffer.from(hex.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** The eight groups of an IPv6 address, whose last two may be written as an IPv4 address. */
function expandedGroups(text: string): string[] {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.slice(0, 4).map((byte) => Number(byte).toString(16).padStart(2, '0'));
    return `${a}${b}:${c}${d}`;
  });
  const [left = [], right] = plain.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const missing = 8 - left.length - (right ?? []).length;
  return [...left, ...Array.from({ length: right === undefined ? 0 : missing }, () => '0'), ...(right ?? [])];
}

function alternativeName(name: string): Item {
  const [tagNumber, valueHex] =
    isIP(name) === 0 ? [DNS_NAME, Buffer.from(name, 'latin1')] : [IP_ADDRESS, addressBytes(name)];
  return new asn1.Primitive({ idBlock: { tagClass: CONTEXT, tagNumber }, valueHex });
}

function extensions(names: readonly string[], publicKey: Buffer): Item {
  const keyId = new asn1.OctetString({
    valueHex: createHash('sha256').update(publicKey).digest().subarray(0, 20),
  });
  const list = sequence(
    extension(BASIC_CONSTRAINTS, sequence(), { critical: true }),
    extension(KEY_USAGE, new asn1.BitString(DIGITAL_SIGNATURE), { critical: true }),
    extension(EXTENDED_KEY_USAGE, sequence(oid(SERVER_AUTHENTICATION)), { critical: false }),
    extension(KEY_IDENTIFIER, keyId, { critical: false }),
    extension(ALTERNATIVE_NAME, sequence(...names.map(alternativeName)), { critical: false }),
  );
  return new asn1.Constructed({ idBlock: { tagClass: CONTEXT, tagNumber: 3 }, value: [list] });
}

/** A positive number that nobody has to guess. */
function serialNumber(): asn1.Integer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return new asn1.Integer({ valueHex: bytes });
}

function toBeSigned({ names, now }: CertificateOptions, publicKey: KeyObject): asn1.Sequence {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const version = new asn1.Integer({ value: 2 });
  const name = commonName(names[0] ?? 'restat');
  return sequence(
    new asn1.Constructed({ idBlock: { tagClass: CONTEXT, tagNumber: 0 }, value: [version] }),
    serialNumber(),
    sequence(oid(ECDSA_WITH_SHA256)),
    name,
    sequence(time(now - BACKDATED), time(now + LIFETIME)),
    name,
    asn1.fromBER(spki).result,
    extensions(names, spki),
  );
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** A new ECDSA key on P-256, and a certificate for it that is good for ten years. */
export function makeCertificate(options: CertificateOptions): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const body = toBeSigned(options, publicKey);
  const signature = sign('sha256', der(body), privateKey);
  const certificate = sequence(
    body,
    sequence(oid(ECDSA_WITH_SHA256)),
    new asn1.BitString({ valueHex: signature }),
  );
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pem('CERTIFICATE', der(certificate)),
  };
}
