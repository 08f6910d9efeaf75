/** Error classes of keys; each carries a stable `code`. No message ever holds key material or a password. */

/** What was wrong with an encryption key or its file. */
export type KeyErrorCode =
  /** There is no such file, no directory for it, or nothing that can be read from a descriptor. */
  | 'KEY_FILE_MISSING'
  /** Something lies where a new file was to be. */
  | 'KEY_EXISTS'
  /** Longer than any such file. */
  | 'KEY_FILE_SIZE'
  /** A directory, a pipe, a device. */
  | 'KEY_FILE_TYPE'
  /** Not JSON in UTF-8, or not that of a key file. */
  | 'KEY_FILE_SHAPE'
  /** Parameters of scrypt or PBKDF2 that are none, or that cost more than is allowed. */
  | 'KEY_KDF'
  /** The password does not open the key, or the key was damaged. */
  | 'KEY_PASSWORD'
  /** A new password that is too short or too long. */
  | 'KEY_PASSWORD_LENGTH'
  /** The key is not the one whose fingerprint was stored. */
  | 'KEY_FINGERPRINT'
  /** A hint that is empty, too long, not one line, or for a key without a password. */
  | 'KEY_HINT';

/** An encryption key, or a key file, that cannot be used. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly code: KeyErrorCode;

  constructor(code: KeyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What was wrong with a master key. */
export type MasterKeyErrorCode =
  /** Not PEM of an RSA key of the right kind. */
  | 'MASTER_KEY_SHAPE'
  /** A modulus that is too short for a key file, or longer than anybody needs. */
  | 'MASTER_KEY_SIZE'
  /** The password does not open the private key, or the key was damaged. */
  | 'MASTER_KEY_PASSWORD'
  /** What was to be decrypted was not encrypted for this key, or was damaged. */
  | 'MASTER_KEY_MISMATCH';

/** A master key that cannot be used. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
  readonly code: MasterKeyErrorCode;

  constructor(code: MasterKeyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
