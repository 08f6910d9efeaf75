/** Plain HTTP/1.1 requests of a session: each recorded one comes once, with its parameters and credentials. */
import { sameContent } from './container.js';
import type { Exchange } from './recording.js';
import type { Report } from './report.js';
import {
  describe,
  mediaType,
  parameterDifference,
  parametersOf,
  queryOf,
  type Request,
  recordedRequest,
  sameCredentials,
} from './request.js';

const OCTETS = 'application/octet-stream';

/** Why a request is not the recorded one; undefined if it is. */
function difference(recorded: Request, sent: Request): string | undefined {
  if (mediaType(recorded) !== OCTETS) return parameterDifference(parametersOf(recorded), parametersOf(sent));
  const query = parameterDifference(queryOf(recorded), queryOf(sent));
  if (query !== undefined) return query;
  return sameContent(recorded.body, sent.body, 'body') ? undefined : 'its body is not the recorded one';
}

/** A JSON or form body must be what its content type says, bytes have none that matters. */
function tried(recorded: Request, sent: Request): string | undefined {
  try {
    return difference(recorded, sent);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export class RestRules {
  readonly #report: Report;
  readonly #waiting: { readonly exchange: Exchange; readonly request: Request }[];

  constructor(exchanges: readonly Exchange[], report: Report) {
    this.#report = report;
    this.#waiting = exchanges.map((exchange) => ({ exchange, request: recordedRequest(exchange) }));
  }

  /** The exchange whose reply answers the request; otherwise a status and text that say what is wrong. */
  take(sent: Request): Exchange | { readonly status: number; readonly text: string } {
    const alike = this.#waiting.filter(
      ({ request }) => request.method === sent.method && request.path === sent.path,
    );
    const found = alike.find(({ request }) => tried(request, sent) === undefined);
    if (found === undefined) {
      const closest = alike[0];
      const reason =
        closest === undefined ? 'it was not recorded, or not so often' : tried(closest.request, sent);
      return this.#refuse(sent, 400, reason ?? '');
    }
    this.#waiting.splice(this.#waiting.indexOf(found), 1);
    if (!sameCredentials(found.request, sent)) return this.#refuse(sent, 401, 'authentication failed');
    return found.exchange;
  }

  missing(): string[] {
    return this.#waiting.map(({ request }) => `${describe(request)} never came`);
  }

  #refuse(sent: Request, status: number, text: string): { readonly status: number; readonly text: string } {
    this.#report.add(`${describe(sent)}: ${text}`);
    return { status, text };
  }
}
