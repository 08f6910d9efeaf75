/** Upgrade requests of a session: which recorded connection one asks for. protocol.md §4.1, §4.2. */
import type { Exchange, RecordedConnection } from './recording.js';
import type { Report } from './report.js';
import {
  describe,
  type Parameters,
  parameterDifference,
  queryOf,
  type Request,
  recordedRequest,
  sameCredentials,
} from './request.js';

/** They change nothing on the wire; `benchmark` only where it is false. */
const IGNORED: ReadonlySet<string> = new Set(['debug', 'no-cache']);

interface Awaited {
  readonly connection: RecordedConnection;
  readonly exchange: Exchange;
  readonly request: Request;
  readonly isReader: boolean;
  used: boolean;
}

export type UpgradeAnswer =
  | { readonly connection: RecordedConnection; readonly exchange: Exchange }
  | { readonly status: number; readonly text: string };

/** Whether an exchange asks for an upgrade. */
export function isUpgrade({ headers }: Exchange): boolean {
  return headers.some(([name]) => name === 'upgrade');
}

function parametersOfUpgrade(request: Request): Parameters {
  const { typed, values } = queryOf(request);
  return {
    typed,
    values: new Map([...values].filter(([key, text]) => key !== 'benchmark' || text !== 'false')),
  };
}

function difference(expected: Request, sent: Request): string | undefined {
  if (expected.path !== sent.path) return `the path is ${sent.path}, not ${expected.path}`;
  const [want, have] = [expected.headers.get('upgrade'), sent.headers.get('upgrade')];
  if (want !== have) return `upgrade is ${have}, not ${want}`;
  const options = (sent.headers.get('connection') ?? '').toLowerCase().split(/\s*,\s*/);
  if (!options.includes('upgrade')) return 'the connection header does not say upgrade';
  return parameterDifference(parametersOfUpgrade(expected), parametersOfUpgrade(sent), IGNORED);
}

export class UpgradeRules {
  readonly #report: Report;
  readonly #awaited: readonly Awaited[];

  constructor(connections: readonly RecordedConnection[], report: Report) {
    this.#report = report;
    this.#awaited = connections.flatMap((connection) =>
      connection.http1.filter(isUpgrade).map((exchange) => {
        const request = recordedRequest(exchange);
        const isReader = request.path.endsWith('/reader');
        return { connection, exchange, request, isReader, used: false };
      }),
    );
  }

  /** The recorded connection; a backup can be begun once, a reader as often as one likes. */
  take(sent: Request): UpgradeAnswer {
    const found = this.#awaited.find(({ request }) => difference(request, sent) === undefined);
    if (found === undefined) {
      const closest = this.#awaited.find(({ request }) => request.path === sent.path) ?? this.#awaited[0];
      return this.#refuse(
        sent,
        400,
        closest ? difference(closest.request, sent)! : 'no upgrade was recorded',
      );
    }
    if (found.used && !found.isReader) return this.#refuse(sent, 400, 'the backup was begun before');
    found.used = true;
    if (!sameCredentials(found.request, sent)) return this.#refuse(sent, 401, 'authentication failed');
    return found;
  }

  /** A reader beside a backup only reads the base: whoever does not need it leaves it out. */
  missing(): string[] {
    const hasBackup = this.#awaited.some(({ isReader }) => !isReader);
    return this.#awaited
      .filter(({ used, isReader }) => !used && !(isReader && hasBackup))
      .map(({ request }) => `${describe(request)} never came`);
  }

  #refuse(sent: Request, status: number, text: string): UpgradeAnswer {
    this.#report.add(`${describe(sent)}: ${text}`);
    return { status, text };
  }
}
