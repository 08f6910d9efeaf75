/** Parameters of calls. rest-api.md §1.1, §1.2. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { CallError } from '../../../src/server/http/call-error.js';
import { formPairs } from '../../../src/server/http/form-pairs.js';
import { type ParameterSpecs, parseParameters, type Values } from '../../../src/server/http/parameters.js';
import { readRecording } from '../../support/replay/recording.js';

const form = <S extends ParameterSpecs>(specs: S, query: string): Values<S> =>
  parseParameters(specs, { kind: 'form', pairs: formPairs(query) });
const json = <S extends ParameterSpecs>(specs: S, value: unknown): Values<S> =>
  parseParameters(specs, { kind: 'json', value });

function refused(t: ExecutionContext, call: () => unknown, problem: string): void {
  const error = t.throws(call, { instanceOf: CallError });
  t.is(error.status, 400);
  t.is(error.message, `parameter verification failed${problem}`);
}

const SAFE_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const UPGRADE = {
  store: { kind: 'text', min: 3, max: 32, pattern: SAFE_ID },
  'backup-type': { kind: 'text', choices: ['vm', 'ct', 'host'] },
  'backup-id': { kind: 'text', pattern: SAFE_ID },
  'backup-time': { kind: 'integer', min: 1 },
  ns: { kind: 'text', optional: true, pattern: /^[a-z0-9]+(\/[a-z0-9]+)*$/ },
  benchmark: { kind: 'boolean', optional: true },
  debug: { kind: 'boolean', optional: true },
} as const satisfies ParameterSpecs;

test('recorded queries are taken or refused in the recorded words', (t) => {
  let [taken, turnedAway] = [0, 0];
  for (const file of ['errors.jsonl', 'manage.jsonl']) {
    const exchanges = readRecording(file).flatMap(({ connections }) => connections.flatMap((c) => c.http1));
    for (const { target, status, reply } of exchanges) {
      const [path, query = ''] = target.split('?');
      if (!path!.endsWith('/api2/json/backup')) continue;
      const text = reply.whole?.toString() ?? '';
      const prefix = 'parameter verification failed';
      if (status === 400 && text.startsWith(prefix)) {
        refused(t, () => form(UPGRADE, query), text.slice(prefix.length));
        turnedAway += 1;
      } else {
        t.is(form(UPGRADE, query).store.length > 2, true);
        taken += 1;
      }
    }
  }
  t.true(taken > 10);
  t.is(turnedAway, 7);
});

test('values have the types that are declared', (t) => {
  const query = 'store=st1&backup-type=host&backup-id=a%2Eb&backup-time=7&debug=ON';
  t.deepEqual(form(UPGRADE, query), {
    store: 'st1',
    'backup-type': 'host',
    'backup-id': 'a.b',
    'backup-time': 7,
    debug: true,
  });
  t.is(form(UPGRADE, query).ns, undefined);
});

test('several problems stand in a line each', (t) => {
  refused(
    t,
    () => form(UPGRADE, 'colour=red&backup-time=0&backup-id=x&store=st1'),
    [
      ':',
      "- 'colour': schema does not allow additional properties.",
      "- 'backup-time': value must have a minimum value of 1 (got 0)",
      "- 'backup-type': parameter is missing and it is not optional.",
    ].join('\n'),
  );
});

test('JSON has its own words for what is missing and what is too much', (t) => {
  const specs = { a: { kind: 'integer' } } as const;
  refused(t, () => json(specs, {}), " - 'a': property is missing and it is not optional");
  refused(t, () => json(specs, { a: 1, b: 2 }), " - 'b': schema does not allow additional properties");
  refused(t, () => json(specs, [1]), ': Expected object value.');
  refused(t, () => json(specs, null), ': Expected object value.');
});

test('names of JavaScript itself are no parameters', (t) => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const problem = ` - '${name}': schema does not allow additional properties`;
    refused(t, () => form({}, `${name}=1`), `${problem}.`);
    refused(t, () => json({}, JSON.parse(`{"${name}": 1}`)), problem);
  }
});

test('a scalar that is repeated is refused, the cache buster is ignored', (t) => {
  const specs = { a: { kind: 'text' } } as const;
  refused(t, () => form(specs, 'a=1&a=1'), " - 'a': duplicate parameter.");
  t.deepEqual(form(specs, '_dc=1&a=x&_dc=2'), { a: 'x' });
  refused(t, () => json(specs, { a: 'x', _dc: 1 }), " - '_dc': schema does not allow additional properties");
});

test('booleans are words in forms and nothing but booleans in JSON', (t) => {
  const specs = { b: { kind: 'boolean' } } as const;
  for (const word of ['true', '1', 'yes', 'on', 'TRUE', 'On']) t.true(form(specs, `b=${word}`).b);
  for (const word of ['false', '0', 'no', 'off', 'False']) t.false(form(specs, `b=${word}`).b);
  for (const word of ['', '2', 'y', 'ja'])
    refused(t, () => form(specs, `b=${word}`), " - 'b': Unable to parse boolean option.");
  t.true(json(specs, { b: true }).b);
  for (const value of [1, 'true', null])
    refused(t, () => json(specs, { b: value }), " - 'b': Expected boolean value.");
});

test('integers keep within their bounds and are exact', (t) => {
  const specs = { n: { kind: 'integer', min: 1, max: 256 } } as const;
  t.is(form(specs, 'n=256').n, 256);
  t.is(json(specs, { n: 1 }).n, 1);
  refused(t, () => form(specs, 'n=257'), " - 'n': value must have a maximum value of 256 (got 257)");
  refused(t, () => json(specs, { n: 0 }), " - 'n': value must have a minimum value of 1 (got 0)");
  for (const word of ['1.5', '0x10', '1e3', '', ' 1', 'x'])
    refused(t, () => form(specs, `n=${encodeURIComponent(word)}`), " - 'n': invalid digit found in string");
  refused(t, () => form(specs, 'n=99999999999999999'), " - 'n': number too large to fit in target type");
  for (const value of ['1', 1.5, 1e300, true])
    refused(t, () => json(specs, { n: value }), " - 'n': Expected integer value.");
  t.true(Object.is(form({ n: { kind: 'integer' } } as const, 'n=-0').n, 0));
});

test('lengths count characters, before the pattern is asked', (t) => {
  const specs = { s: { kind: 'text', min: 2, max: 3, pattern: /^[^x]*$/ } } as const;
  t.is(form(specs, `s=${encodeURIComponent('😀😀😀')}`).s, '😀😀😀');
  refused(t, () => form(specs, 's=x'), " - 's': value must be at least 2 characters long");
  refused(t, () => form(specs, 's=xxxx'), " - 's': value may only be 3 characters long");
  refused(t, () => form(specs, 's=xx'), " - 's': value does not match the regex pattern");
  refused(t, () => json(specs, { s: 12 }), " - 's': Expected string value.");
});

test('arrays are repeated names in forms and arrays in JSON', (t) => {
  const specs = { d: { kind: 'texts', pattern: /^[0-9a-f]$/ }, o: { kind: 'integers', min: 0 } } as const;
  t.deepEqual(form(specs, 'd=a&o=1&d=b&o=2'), { d: ['a', 'b'], o: [1, 2] });
  t.deepEqual(json(specs, { d: ['a'], o: [] }), { d: ['a'], o: [] });
  refused(t, () => form(specs, 'd=a&d=z&o=1'), " - 'd': value does not match the regex pattern");
  refused(
    t,
    () => json(specs, { d: ['a'], o: [-1] }),
    " - 'o': value must have a minimum value of 0 (got -1)",
  );
  refused(t, () => json(specs, { d: 'a', o: [1] }), " - 'd': Expected array - got scalar value.");
});

test('whatever comes in, what comes out is what was declared, or a bounded refusal', (t) => {
  const specs = { a: { kind: 'text', max: 8 }, n: { kind: 'integer', optional: true, min: 0 } } as const;
  const name = fc.oneof(fc.constantFrom('a', 'n'), fc.string({ maxLength: 300 }));
  const check = (call: () => Values<typeof specs>): void => {
    try {
      const { a, n } = call();
      t.true([...a].length <= 8 && (n === undefined || (Number.isSafeInteger(n) && n >= 0)));
    } catch (error) {
      t.true(error instanceof CallError && error.message.length < 16_384);
    }
  };
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), fc.jsonValue(), (pairs, value) => {
      check(() => parseParameters(specs, { kind: 'form', pairs }));
      check(() => json(specs, value));
    }),
  );
});
