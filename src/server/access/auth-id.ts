/** Names of users and API tokens. protocol.md §1.1. */
import { isSafeId } from '../../snapshot/names.js';
import { AccessError } from './errors.js';

/** Who may do everything. */
export const SUPERUSER = 'root@pam';

const MIN_LENGTH = 3;
const MAX_LENGTH = 64;
const MIN_REALM = 2;
const MAX_REALM = 32;
const MIN_TOKEN_NAME = 3;
const USER_NAME = /^[^\s:/\p{Cc}\p{Cs}]+$/u;

/** What is wrong with a user's name in the server's words; undefined where nothing is. rest-api.md §1.2. */
export function userIdProblem(text: string): string | undefined {
  const length = characters(text);
  if (length < MIN_LENGTH) return `value must be at least ${MIN_LENGTH} characters long`;
  if (length > MAX_LENGTH) return `value may only be ${MAX_LENGTH} characters long`;
  const at = text.lastIndexOf('@');
  const realm = text.slice(at + 1);
  const fits = realm.length >= MIN_REALM && realm.length <= MAX_REALM && isSafeId(realm);
  return at > 0 && fits && USER_NAME.test(text.slice(0, at))
    ? undefined
    : 'value does not match the regex pattern';
}

/** Characters of a text, not its UTF-16 units; what is far too long is not counted. */
function characters(text: string): number {
  return text.length > 2 * MAX_LENGTH ? text.length : [...text].length;
}

/** Returns the name of a user, `user@realm`. Throws AccessError `ACCESS_NAME`. */
export function parseUserId(text: string): string {
  if (userIdProblem(text) === undefined) return text;
  throw refused(text, 'a user looks like name@realm, with 3 to 64 characters and without blanks, : and /');
}

/** The two parts of a token's id. */
export interface TokenId {
  readonly userId: string;
  readonly name: string;
}

/** `user@realm!name` in its parts; undefined for anything else. A user's name may hold `!` and `@` as well. */
export function splitTokenId(text: string): TokenId | undefined {
  const mark = text.indexOf('!', text.lastIndexOf('@'));
  if (mark < 0 || characters(text) > MAX_LENGTH) return undefined;
  const [userId, name] = [text.slice(0, mark), text.slice(mark + 1)];
  return userIdProblem(userId) === undefined && isSafeId(name) ? { userId, name } : undefined;
}

/** The parts of the id of a token that is to be made. Throws AccessError `ACCESS_NAME`. */
export function parseTokenId(text: string): TokenId {
  const id = splitTokenId(text);
  if (id !== undefined && id.name.length >= MIN_TOKEN_NAME) return id;
  throw refused(
    text,
    'a token looks like user@realm!name; the name has at least 3 letters, digits, dots, dashes and underscores',
  );
}

/** Returns the id of a user or a token. Throws AccessError `ACCESS_NAME`. */
export function parseAuthId(text: string): string {
  return splitTokenId(text) === undefined ? parseUserId(text) : text;
}

/** The user to whom an id belongs: itself, or for a token its user. */
export function userOf(authId: string): string {
  return splitTokenId(authId)?.userId ?? authId;
}

/** True if `authId` may use a group of `owner`: its own, or as a user one of the user's tokens. protocol.md §4.2. */
export function ownsGroupOf(authId: string, owner: string): boolean {
  return authId === owner || splitTokenId(owner)?.userId === authId;
}

/** A name of any length, fit for a message. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function refused(text: string, problem: string): AccessError {
  return new AccessError('ACCESS_NAME', `${shown(text)}: ${problem}`);
}
