/** Numbers about a running server in Prometheus' text format. */

/** A number of one name, with the labels that tell it from others of the name. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}

function sampleLine(name: string, { labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
}

/** Text format 0.0.4. */
export function formatMetrics(metrics: readonly Metric[]): string {
  const lines = metrics.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map((sample) => sampleLine(name, sample)),
  ]);
  return `${lines.join('\n')}\n`;
}

/** What a server counts while it runs. */
export class Counters {
  /** Answers by status. */
  readonly #answers = new Map<number, number>();
  readonly #sessions = new Map<string, number>();
  #refused = 0;
  #seconds = 0;

  /** An answer of this status, after so many milliseconds. */
  answered(status: number, milliseconds: number): void {
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    this.#seconds += milliseconds / 1000;
  }

  /** A connection that was one too many. */
  refusedConnection(): void {
    this.#refused += 1;
  }

  /** A connection that asks to become a session, `backup` or `reader`. */
  beganSession(kind: string): void {
    this.#sessions.set(kind, (this.#sessions.get(kind) ?? 0) + 1);
  }

  metrics(): readonly Metric[] {
    return [
      {
        name: 'restat_requests_total',
        type: 'counter',
        help: 'Answers to REST calls by status.',
        samples: [...this.#answers].map(([status, value]) => ({ labels: { status: String(status) }, value })),
      },
      {
        name: 'restat_request_seconds_total',
        type: 'counter',
        help: 'Time from requests to their answers.',
        samples: [{ labels: {}, value: this.#seconds }],
      },
      {
        name: 'restat_session_requests_total',
        type: 'counter',
        help: 'Requests for backup and reader sessions.',
        samples: [...this.#sessions].map(([kind, value]) => ({ labels: { kind }, value })),
      },
      {
        name: 'restat_refused_connections_total',
        type: 'counter',
        help: 'Connections that were closed at once because there were too many.',
        samples: [{ labels: {}, value: this.#refused }],
      },
    ];
  }
}
