/** Who may do what: the content of the access file, as text and as what the server asks. */
import * as z from 'zod';
import { isTooDeep } from '../../snapshot/json-text.js';
import { type AclEntry, parseAclPath } from './acl.js';
import { parseAuthId, parseUserId, splitTokenId } from './auth-id.js';
import { AccessError } from './errors.js';
import { type AclTable, aclTable } from './privileges.js';
import { isRole, type Role } from './roles.js';
import { secretHashSchema } from './secret-hash.js';

/** Layout of the file. */
const VERSION = 1;
const MAX_COMMENT = 128;

/** A text that a parser of this folder takes. */
function parsed(parse: (text: string) => string): z.ZodType<string> {
  return z.string().refine((text) => accepts(parse, text), { error: ({ input }) => refusalOf(parse, input) });
}

function accepts(parse: (text: string) => string, text: string): boolean {
  return refusalOf(parse, text) === undefined;
}

function refusalOf(parse: (text: string) => string, input: unknown): string | undefined {
  try {
    parse(String(input));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What an administrator says of a user or token. */
const account = {
  enable: z.boolean(),
  /** Seconds since the epoch from which on it is refused; 0 is never. */
  expire: z.int().min(0),
  /** One line. */
  comment: z
    .string()
    .max(MAX_COMMENT)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line'),
};

/** What can be said of users and tokens alike. */
export const accountSchema = z.strictObject(account).readonly();

const tokenSchema = z
  .strictObject({ name: z.string().min(1), ...account, secret: secretHashSchema })
  .readonly();
const userSchema = z
  .strictObject({
    userid: parsed(parseUserId),
    ...account,
    /** Without it nobody logs in with a password. */
    password: secretHashSchema.optional(),
    tokens: z.array(tokenSchema).readonly(),
  })
  .readonly()
  .refine(
    ({ userid, tokens }) => tokens.every(({ name }) => splitTokenId(`${userid}!${name}`) !== undefined),
    'has a token with a bad name',
  )
  .refine(
    ({ tokens }) => new Set(tokens.map(({ name }) => name)).size === tokens.length,
    'has two tokens of one name',
  );
const aclSchema = z
  .strictObject({
    path: parsed(parseAclPath),
    authId: parsed(parseAuthId),
    role: z.custom<Role>((value) => typeof value === 'string' && isRole(value), 'is no role'),
    propagate: z.boolean(),
  })
  .readonly();
const fileSchema = z
  .strictObject({
    version: z.literal(VERSION),
    users: z.array(userSchema).readonly(),
    acl: z.array(aclSchema).readonly(),
  })
  .refine(
    ({ users }) => new Set(users.map(({ userid }) => userid)).size === users.length,
    'has two users of one name',
  );

export type Account = z.infer<typeof accountSchema>;
export type Token = z.infer<typeof tokenSchema>;
export type User = z.infer<typeof userSchema>;

/** Users, tokens and permissions at one moment. */
export interface Access {
  readonly users: ReadonlyMap<string, User>;
  readonly acl: readonly AclEntry[];
  readonly table: AclTable;
}

/** Puts users and entries together. */
export function accessOf(users: Iterable<User>, acl: readonly AclEntry[]): Access {
  return { users: new Map([...users].map((user) => [user.userid, user])), acl, table: aclTable(acl) };
}

/** Nobody may do anything. */
export function noAccess(): Access {
  return accessOf([], []);
}

/** The token of that id. */
export function findToken({ users }: Access, tokenId: string): { user: User; token: Token } | undefined {
  const id = splitTokenId(tokenId);
  const user = id === undefined ? undefined : users.get(id.userId);
  const token = user?.tokens.find(({ name }) => name === id?.name);
  return user === undefined || token === undefined ? undefined : { user, token };
}

/** True for who is enabled and has not expired. `now` is seconds since the epoch. */
export function isActive({ enable, expire }: Account, now: number): boolean {
  return enable && (expire === 0 || expire > now);
}

/** Parses the access file. `name` stands in errors. Throws AccessError `ACCESS_FILE`. */
export function parseAccess(name: string, text: string): Access {
  const value = parseJson(name, text);
  const result = fileSchema.safeParse(isTooDeep(value) ? undefined : value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    throw new AccessError('ACCESS_FILE', `${name}: ${where}${issue?.message ?? 'no access file'}`);
  }
  return accessOf(result.data.users, result.data.acl);
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AccessError('ACCESS_FILE', `${name} is no JSON`, { cause });
  }
}

/** The text of the access file, users in the order of their names. */
export function formatAccess({ users, acl }: Access): string {
  const sorted = [...users.values()].sort((a, b) => (a.userid < b.userid ? -1 : 1));
  return `${JSON.stringify({ version: VERSION, users: sorted, acl }, null, 2)}\n`;
}
