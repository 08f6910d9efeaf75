/** What a person reads when something went wrong. */
import { UsageError } from './errors.js';

function causes(error: Error): string[] {
  const lines: string[] = [];
  for (let cause = error.cause; cause instanceof Error && lines.length < 8; cause = cause.cause)
    lines.push(cause.message);
  return lines;
}

/** `Error: …`, its causes below, and a pointer to the command's help. With RESTAT_DEBUG the stack, too. */
export function explain(error: unknown, env: NodeJS.ProcessEnv): string {
  if (!(error instanceof Error)) return `Error: ${String(error)}`;
  const lines = [`Error: ${error.message}`];
  const chain = causes(error).filter((text) => !error.message.includes(text));
  if (chain.length > 0) lines.push('', 'Caused by:', ...chain.map((text) => `    ${text}`));
  if (error instanceof UsageError) lines.push(`See: restat help ${error.command.join(' ')}`.trimEnd());
  if (env['RESTAT_DEBUG'] && error.stack !== undefined) lines.push('', error.stack);
  return lines.join('\n');
}
