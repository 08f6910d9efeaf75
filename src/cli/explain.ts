/** What a person, or a program, reads when something went wrong. */
import { UsageError } from './errors.js';
import { toJson } from './output/json.js';

/** Longest chain of causes that is shown. */
const CAUSES_MAX = 8;

function causes(error: Error): string[] {
  const lines: string[] = [];
  for (let cause = error.cause; cause instanceof Error && lines.length < CAUSES_MAX; cause = cause.cause)
    lines.push(cause.message);
  return lines.filter((text) => !error.message.includes(text));
}

/** `Error: …`, its causes below, and a pointer to the command's help. With RESTAT_DEBUG the stack, too. */
export function explain(error: unknown, env: NodeJS.ProcessEnv): string {
  if (!(error instanceof Error)) return `Error: ${String(error)}`;
  const lines = [`Error: ${error.message}`];
  const chain = causes(error);
  if (chain.length > 0) lines.push('', 'Caused by:', ...chain.map((text) => `    ${text}`));
  if (error instanceof UsageError) lines.push(`See: restat help ${error.command.join(' ')}`.trimEnd());
  if (env['RESTAT_DEBUG'] && error.stack !== undefined) lines.push('', error.stack);
  return lines.join('\n');
}

/** The same as one JSON object, for `--progress json`. */
export function explainJson(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return toJson({ type: 'error', message, code, causes: error instanceof Error ? causes(error) : [] }, false);
}
