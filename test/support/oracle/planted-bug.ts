/**
 * Plants a bug for a child process (`node --import 'planted-bug.js?BUG'`), which the oracle has to find: the comparison of files takes
 * no notice of something, or takes old contents for somewhere else.
 */
import { readFileSync } from 'node:fs';
import { type LoadHook, register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

interface Bug {
  /** End of the module's address. */
  readonly module: string;
  readonly sound: string;
  readonly planted: string;
}

const CATALOG = '/src/detect/catalog-walk.js';

const BUGS: Readonly<Record<string, Bug>> = {
  'without-mtime': {
    module: '/src/detect/unchanged.js',
    sound: 'if ((match & MATCH.mtime) === 0)',
    planted: 'if (false)',
  },
  // Whoever compares ctimes finds every change by them: without those of size and mtime nothing would be missed.
  'without-ctime': {
    module: CATALOG,
    sound: '(sameCtime ? 0 : MATCH.otherCtime)',
    planted: '0',
  },
  'wrong-place': {
    module: CATALOG,
    sound: 'appendixContent(appendixStart) + extension.offset',
    planted: 'appendixStart + extension.offset',
  },
};

const bug = BUGS[new URL(import.meta.url).search.slice(1)];

/** Runs in the thread of the loader. */
export const load: LoadHook = async (url, context, next) => {
  if (bug === undefined) throw new Error(`no bug '${new URL(import.meta.url).search}'`);
  if (!url.endsWith(bug.module)) return next(url, context);
  const source = readFileSync(fileURLToPath(url), 'utf8');
  if (!source.includes(bug.sound)) throw new Error(`no '${bug.sound}' in ${url}`);
  return { format: 'module', source: source.replace(bug.sound, bug.planted), shortCircuit: true };
};

if (isMainThread) register(import.meta.url);
