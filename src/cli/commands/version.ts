/** `restat version`. */
import { type CommandSpec, formatOptions, type Invocation } from '../command.js';
import { type Context, outputFormat, printJson } from '../context.js';
import { ExitCode } from '../errors.js';
import { VERSION } from '../version.js';

function run(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  if (format === 'text') context.stdout.write(`client version: ${VERSION}\n`);
  else printJson(context, format, { client: { version: VERSION, release: '1', repoid: '' } });
  return Promise.resolve(ExitCode.done);
}

export const versionCommand: CommandSpec = {
  path: ['version'],
  description: 'Print the version.',
  positionals: [],
  options: { ...formatOptions },
  run,
};
