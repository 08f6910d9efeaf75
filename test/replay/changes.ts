/** Changes to recorded sessions, and what the replayer must say of them. */
import type { TestFn } from 'ava';
import { encodeBlob } from '../../src/snapshot/blob.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { contentOf } from '../support/replay/container.js';
import type { Exchange, RecordedBody } from '../support/replay/recording.js';
import type { ReplayOptions } from '../support/replay/replay.js';
import { type Changes, replayed } from './resend.js';

/** A digest of nothing. */
export const OTHER = 'ab'.repeat(32);

/** A session with one change; without names it is `backup-data`. */
export interface Case {
  readonly title: string;
  readonly file?: string;
  readonly session?: string;
  readonly options?: ReplayOptions;
  readonly changes: Changes;
  readonly reported: RegExp;
}

export function whole(bytes: Buffer): RecordedBody {
  return { whole: bytes, length: bytes.length, sha256: undefined };
}

export function isCall(exchange: Exchange, method: string, start: string): boolean {
  return exchange.method === method && exchange.target.startsWith(start);
}

/** Changes the exchanges of one call. */
export function edit(method: string, start: string, change: (exchange: Exchange) => Exchange): Changes {
  return { streams: (all) => all.map((each) => (isCall(each, method, start) ? change(each) : each)) };
}

export function editTarget(method: string, start: string, from: string | RegExp, to: string): Changes {
  return edit(method, start, (exchange) => ({ ...exchange, target: exchange.target.replace(from, to) }));
}

export function editText(method: string, start: string, from: string | RegExp, to: string): Changes {
  return edit(method, start, (exchange) => {
    const text = (exchange.body.whole ?? Buffer.alloc(0)).toString().replace(from, to);
    return { ...exchange, body: whole(Buffer.from(text)) };
  });
}

export function without(method: string, start: string): Changes {
  return { streams: (all) => all.filter((each) => !isCall(each, method, start)) };
}

/** Sends what begins with `start` first of all. */
export function early(start: string, before: string): Changes {
  return {
    streams: (all) => {
      const moved = all.filter(({ target }) => target.startsWith(start));
      const rest = all.filter(({ target }) => !target.startsWith(start));
      const at = rest.findIndex(({ target }) => target.startsWith(before));
      return [...rest.slice(0, at), ...moved, ...rest.slice(at)];
    },
  };
}

export function twice(start: string): Changes {
  return { streams: (all) => all.flatMap((each) => (each.target.startsWith(start) ? [each, each] : [each])) };
}

/** Header of every plain request and upgrade. */
export function editHeader(name: string, from: string | RegExp, to: string): Changes {
  return {
    http1: (exchange) => ({
      ...exchange,
      headers: exchange.headers.map(([key, text]) => [key, key === name ? text.replace(from, to) : text]),
    }),
  };
}

export function editUpgrade(from: string | RegExp, to: string): Changes {
  return { http1: (exchange) => ({ ...exchange, target: exchange.target.replace(from, to) }) };
}

/** Another content in a blob; a manifest is changed as text. */
export function editBlob(name: string, from: string | RegExp, to: string): Changes {
  return edit('POST', `/blob?`, (exchange) => {
    if (!exchange.target.endsWith(`file-name=${name}`)) return exchange;
    const text = contentOf(exchange.body.whole!, name)!.toString().replace(from, to);
    const blob = encodeBlob(Buffer.from(text), name, { compress: true });
    const target = exchange.target.replace(/encoded-size=\d+/, `encoded-size=${blob.length}`);
    return { ...exchange, target, body: whole(blob) };
  });
}

/** Declares one test for each case. */
export function declareCases(test: TestFn, cases: readonly Case[]): void {
  const certificate = makeCertificate();
  for (const {
    title,
    file = 'backup-data.jsonl',
    session = 'backup-data',
    options,
    changes,
    reported,
  } of cases) {
    test(`reported: ${title}`, async (t) => {
      const { problems } = await replayed(file, session, changes, {
        ...options,
        certificate: await certificate,
      });
      t.true(
        problems.some((sentence) => reported.test(sentence)),
        problems.join('\n'),
      );
    });
  }
}
