/** `restat key create-master-key` and `key import-master-pubkey`. cli.md §6. */
import { unlink } from 'node:fs/promises';
import { generateMasterKey, PEM_LIMIT, parsePublicKey } from '../../keys/master-key.js';
import { createStored, readStored, refuseExisting, replaceStored } from '../../keys/stored-file.js';
import { type Invocation, positional } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode } from '../errors.js';
import { askNewPassword } from './key-password.js';
import { newMasterPlace } from './key-places.js';

const PUBLIC = 'master-public.pem';
const PRIVATE = 'master-private.pem';
/** The public key is for everybody. */
const PUBLIC_MODE = 0o644;

/** `restat key create-master-key`: both files, in the current directory, or none. */
export async function createMasterKey(_invocation: Invocation, context: Context): Promise<number> {
  for (const path of [PUBLIC, PRIVATE]) await refuseExisting(path);
  const password = await askNewPassword(context, 'Master Key Password: ');
  context.stderr.write('Making an RSA key of 4096 bits, which takes some seconds.\n');
  try {
    const { publicPem, privatePem } = await generateMasterKey(password);
    // Never the public one alone: keys encrypted for it would be lost.
    await createStored(PRIVATE, privatePem);
    await createStored(PUBLIC, publicPem, { mode: PUBLIC_MODE }).catch(async (error: unknown) => {
      await unlink(PRIVATE);
      throw error;
    });
  } finally {
    password.fill(0);
  }
  context.stderr.write(`Wrote the public key to "${PUBLIC}" and the private one to "${PRIVATE}".\n`);
  return ExitCode.done;
}

/** `restat key import-master-pubkey`. */
export async function importMasterKey(invocation: Invocation, context: Context): Promise<number> {
  const path = positional(invocation, 'path');
  const { pem } = parsePublicKey(await readStored(path, PEM_LIMIT), path);
  const target = newMasterPlace(context);
  await replaceStored(target, pem, { mode: PUBLIC_MODE, makeDirectory: true });
  context.stderr.write(`Imported the public master key to ${JSON.stringify(target)}.\n`);
  return ExitCode.done;
}
