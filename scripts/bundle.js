// Bundles the command line: `dist/restat.js`, which the package starts, and parts beside it that are loaded when they are needed.
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const DIRECTORY = 'dist';

mkdirSync(DIRECTORY, { recursive: true });
// Parts have other names in every version.
for (const name of readdirSync(DIRECTORY)) if (name.endsWith('.js')) rmSync(`${DIRECTORY}/${name}`);

await build({
  entryPoints: { restat: 'src/cli/main.ts' },
  outdir: DIRECTORY,
  chunkNames: 'part-[hash]',
  splitting: true,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
  banner: {
    // Bundled CommonJS dependencies call require() for Node's own modules.
    js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
  },
});
// Who installs a link to it runs it by its name.
chmodSync(`${DIRECTORY}/restat.js`, 0o755);
