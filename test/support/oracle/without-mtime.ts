/**
 * Plants a bug for a child process (`node --import`): the comparison of files takes no notice of the modification time. The oracle has
 * to find it.
 */
import { readFileSync } from 'node:fs';
import { type LoadHook, register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const RULE = 'if ((match & MATCH.mtime) === 0)';

/** Runs in the thread of the loader. */
export const load: LoadHook = async (url, context, next) => {
  if (!url.endsWith('/src/detect/unchanged.js')) return next(url, context);
  const source = readFileSync(fileURLToPath(url), 'utf8');
  if (!source.includes(RULE)) throw new Error(`no '${RULE}' in ${url}`);
  return { format: 'module', source: source.replace(RULE, 'if (false)'), shortCircuit: true };
};

if (isMainThread) register(import.meta.url);
