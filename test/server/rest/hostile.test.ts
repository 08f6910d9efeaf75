/** Whatever callers send, every call answers with a status and a text that somebody thought of. */
import test from 'ava';
import fc from 'fast-check';
import type { ParameterSpecs } from '../../../src/server/http/parameters.js';
import { endpoints } from '../../../src/server/rest/endpoints.js';
import { addSnapshot, plainSnapshot } from './recorded-store.js';
import { accessWith, STORE, withEmptyStore } from './rest-world.js';

const access = accessWith([['bob@pbs', 'Admin', '/']]);
const FORESEEN = [200, 400, 401, 403, 404, 501, 503];

const word = fc.constantFrom(
  ...['', 'host', 'x', 'a', 'a/b', 'a/b/c/d/e/f/g', '..', '../..', '.x', '-', 'x'.repeat(300), '/', 'null'],
  ...['0', '1', '-1', '1700000000', '1e3', '99999999999999999999', 'true', 'no', '\u0000', 'ä'],
  ...['bob@pbs', 'UPID:x:', 'index.json.blob', 'ok', 'a.conf.blob', '\n', '%'],
);
const place = fc.oneof(
  { weight: 9, arbitrary: fc.constant(STORE) },
  { weight: 1, arbitrary: fc.constantFrom('nosuch', 'x', '%00', '%2e%2e', 'UPID:x:') },
);

/** Values that calls take, by the names of parameters. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  'backup-type': ['host', 'host', 'host', 'vm'],
  'backup-id': ['x', 'x', 'x', 'none'],
  'backup-time': ['1700000000', '1700000000', '1700000001'],
  ns: ['', 'a', 'a/b'],
  'target-ns': ['', 'a', 'b'],
  parent: ['', 'a', 'a/b'],
  name: ['a', 'b'],
  notes: ['', 'text\nmore', 'ä'],
  filepath: ['root', '/', 'Li4vLi4='],
  'file-name': ['index.json.blob', 'a.conf.blob', 'none.didx'],
  'archive-name': ['root.pxar.didx'],
  'new-owner': ['bob@pbs', 'ann@pbs!laptop', 'eve@pbs'],
  protected: ['0', '1'],
};
const FLAGS_AND_COUNTS = ['1', '2', 'true'];

/** A value that is good more often than not, or none. */
function pairFor(name: string, optional: boolean): fc.Arbitrary<string> {
  const good = fc.constantFrom(...(GOOD[name] ?? FLAGS_AND_COUNTS));
  const some = fc
    .oneof({ weight: 9, arbitrary: good }, { weight: 1, arbitrary: word })
    .map((text) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`);
  return fc.oneof({ weight: optional ? 3 : 19, arbitrary: some }, { weight: 1, arbitrary: fc.constant('') });
}

/** The parameters of a call, as it wants them or not. */
function queryFor(parameters: ParameterSpecs, path: string): fc.Arbitrary<string> {
  const names = Object.entries(parameters).filter(([name]) => !path.includes(`{${name}}`));
  const pairs = names.map(([name, { optional }]) => pairFor(name, optional === true));
  const more = fc.oneof(
    { weight: 9, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constant('unknown=1') },
  );
  return fc.tuple(...pairs, more).map((all) => all.filter((pair) => pair !== '').join('&'));
}

const request = fc.constantFrom(...endpoints).chain((endpoint) =>
  fc.record({
    method: fc.constant(endpoint.method),
    target: fc
      .tuple(place, queryFor(endpoint.parameters, endpoint.path))
      .map(([name, query]) => `${endpoint.path.replace(/\{\w+\}/, name)}?${query}`),
  }),
);

const body = fc.oneof(
  fc.dictionary(
    fc.constantFrom('backup-type', 'backup-id', 'ns', 'name', 'parent', 'keep-last', '__proto__'),
    fc.anything(),
  ),
  fc.constantFrom([], [1], {}),
);

test('Random parameters end in an answer.', (t) =>
  withEmptyStore(async (world) => {
    await t.notThrowsAsync(
      fc.assert(
        fc.asyncProperty(request, async (each) => {
          for (const namespace of ['', 'a'])
            addSnapshot(
              world.directory,
              plainSnapshot('x', 1_700_000_000, ['a.conf.blob'], 'bob@pbs'),
              namespace,
            );
          const { status, unexpected } = await world.call(access, 'bob@pbs', each);
          t.true(FORESEEN.includes(status), `${each.method} ${each.target}: ${status}`);
          return unexpected === undefined;
        }),
        { numRuns: 1000 },
      ),
    );
  }));

test('Random bodies end in an answer.', (t) =>
  withEmptyStore(async (world) => {
    const posts = endpoints.filter(({ method, bodyLimit }) => method === 'POST' && bodyLimit === undefined);
    const paths = fc.constantFrom(...posts.map(({ path }) => path.replace('{store}', STORE)));
    await t.notThrowsAsync(
      fc.assert(
        fc.asyncProperty(paths, body, async (target, sent) => {
          const { status, unexpected } = await world.call(access, 'bob@pbs', {
            method: 'POST',
            target,
            body: sent,
          });
          t.true(FORESEEN.includes(status), `${target}: ${status}`);
          return unexpected === undefined;
        }),
        { numRuns: 500 },
      ),
    );
  }));
