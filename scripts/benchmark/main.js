// Benchmarks; scripts/bench says how to use them.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, release, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isInstalled, run } from './measure.js';
import { SCENARIOS } from './scenarios.js';
import { table } from './table.js';
import { restat, restic, tar } from './tools.js';

/** Prints how to use it and ends with the exit code for wrong usage. */
function usage(reason) {
  const script = resolve(dirname(fileURLToPath(import.meta.url)), '../bench');
  const header = readFileSync(script, 'utf8').split('\n').slice(1);
  const text = header.slice(
    0,
    header.findIndex((line) => !line.startsWith('#')),
  );
  process.stderr.write(`${reason}\n${text.map((line) => line.slice(2)).join('\n')}\n`);
  process.exit(2);
}

function parse() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '9' },
        directory: { type: 'string' },
        keep: { type: 'boolean', default: false },
      },
    });
    const [name = 'all', ...more] = positionals;
    const runs = Number(values.runs);
    if (more.length > 0 || (name !== 'all' && !(name in SCENARIOS)))
      usage(`unknown scenario: ${positionals.join(' ')}`);
    if (!Number.isInteger(runs) || runs < 1) usage('--runs takes a whole number from 1 on');
    return { name, runs, directory: values.directory, keep: values.keep };
  } catch (error) {
    return usage(error.message);
  }
}

function machine(directory) {
  const memory = (totalmem() / 1024 ** 3).toFixed(0);
  const fileSystem = run(['stat', '-f', '-c', '%T', directory]).trim();
  return `${availableParallelism()} cores, ${memory} GiB, ${fileSystem}, Linux ${release()}, Node ${process.version}`;
}

function main() {
  const { name, runs, directory: given, keep } = parse();
  if (!existsSync('/usr/bin/time')) usage('GNU time is needed: apt-get install time');
  if (given !== undefined) mkdirSync(given, { recursive: true });
  const directory = given === undefined ? mkdtempSync(join(tmpdir(), 'restat-bench-')) : resolve(given);
  const tools = isInstalled('restic') ? [restat, restic, tar] : [restat, tar];
  const names = name === 'all' ? Object.keys(SCENARIOS) : [name];
  process.stdout.write(`${machine(directory)}; ${runs} runs\n\n`);
  for (const tool of tools) process.stdout.write(`${tool.name}: ${run(tool.version).split('\n')[0]}\n`);
  try {
    for (const scenario of names) {
      process.stdout.write(`\n${table(SCENARIOS[scenario]({ directory, runs, tools }))}\n`);
    }
  } finally {
    process.stderr.write('deleting what was made …\n');
    const parts = readdirSync(directory).filter((part) => /^(work|data)-/.test(part));
    const made = keep ? parts.filter((part) => part.startsWith('work-')) : parts;
    for (const part of made) run(['rm', '-rf', join(directory, part)]);
    if (given === undefined && !keep) rmSync(directory, { recursive: true });
  }
}

main();
