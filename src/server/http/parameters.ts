/** Parameters of calls: what they may be, and the words for what they are not. rest-api.md §1.1, §1.2. */
import { CallError } from './call-error.js';
import { fromJson, fromTexts, type Outcome } from './parameter-value.js';

interface Common {
  readonly optional?: true;
}

/** `min` and `max` are lengths of text, bounds of integers. */
export type ParameterSpec =
  | (Common & {
      readonly kind: 'text';
      readonly pattern?: RegExp;
      readonly choices?: readonly string[];
      readonly min?: number;
      readonly max?: number;
    })
  | (Common & { readonly kind: 'integer'; readonly min?: number; readonly max?: number })
  | (Common & { readonly kind: 'boolean' })
  | (Common & { readonly kind: 'texts'; readonly pattern?: RegExp })
  | (Common & { readonly kind: 'integers'; readonly min?: number });

export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

type Value<P extends ParameterSpec> = P extends { readonly kind: 'text' }
  ? string
  : P extends { readonly kind: 'integer' }
    ? number
    : P extends { readonly kind: 'boolean' }
      ? boolean
      : P extends { readonly kind: 'texts' }
        ? readonly string[]
        : readonly number[];

/** The values of a call. */
export type Values<S extends ParameterSpecs> = {
  readonly [K in keyof S]: S[K] extends { readonly optional: true } ? Value<S[K]> | undefined : Value<S[K]>;
};

/** Where the parameters of a call stand: form-encoded pairs in their order, or a JSON body. */
export type ParameterSource =
  | { readonly kind: 'form'; readonly pairs: readonly (readonly [name: string, value: string])[] }
  | { readonly kind: 'json'; readonly value: unknown };

/** Stands in queries so that no cache answers. */
const CACHE_BUSTER = '_dc';

/** The values of each name in a form, in the order in which the names came. */
function formGiven(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const given = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const values = given.get(name);
    if (values !== undefined) values.push(value);
    else if (name !== CACHE_BUSTER) given.set(name, [value]);
  }
  return given;
}

function jsonGiven(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return new Map(Object.entries(value));
  throw new CallError(400, 'parameter verification failed: Expected object value.');
}

/** What was given, each by the rules of its source; what is missing and what nobody declared in the words of that source. */
interface Given {
  readonly names: Iterable<string>;
  has(name: string): boolean;
  outcome(name: string, spec: ParameterSpec): Outcome;
  readonly unknown: string;
  readonly missing: string;
}

function givenBy(source: ParameterSource): Given {
  if (source.kind === 'json') {
    const values = jsonGiven(source.value);
    return {
      names: values.keys(),
      has: (name) => values.has(name),
      outcome: (name, spec) => fromJson(spec, values.get(name)),
      unknown: 'schema does not allow additional properties',
      missing: 'property is missing and it is not optional',
    };
  }
  const texts = formGiven(source.pairs);
  return {
    names: texts.keys(),
    has: (name) => texts.has(name),
    outcome: (name, spec) => fromTexts(spec, texts.get(name) ?? []),
    unknown: 'schema does not allow additional properties.',
    missing: 'parameter is missing and it is not optional.',
  };
}

/** Longest name that is repeated in a message, in characters; more problems than this are not told. */
const SHOWN_NAME = 128;
const SHOWN_PROBLEMS = 32;

/** One problem stands in the line, several have one each. */
function refusal(problems: readonly (readonly [name: string, reason: string])[]): CallError {
  const lines = problems.map(([name, reason]) => `'${name.slice(0, SHOWN_NAME)}': ${reason}`);
  const what = lines.length === 1 ? ` - ${lines[0]}` : `:\n${lines.map((line) => `- ${line}`).join('\n')}`;
  return new CallError(400, `parameter verification failed${what}`);
}

/**
 * The values of a call; those that are optional and missing are undefined. All that is wrong is said at once: what was given in its
 * order, then what is missing. Throws CallError 400. rest-api.md §1.2.
 */
export function parseParameters<S extends ParameterSpecs>(specs: S, source: ParameterSource): Values<S> {
  const given = givenBy(source);
  const values = new Map<string, unknown>();
  const problems: [name: string, reason: string][] = [];
  for (const name of given.names) {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    const outcome = spec === undefined ? { reason: given.unknown } : given.outcome(name, spec);
    if ('reason' in outcome) problems.push([name, outcome.reason]);
    else values.set(name, outcome.value);
    if (problems.length === SHOWN_PROBLEMS) throw refusal(problems);
  }
  for (const [name, { optional }] of Object.entries(specs)) {
    if (optional !== true && !given.has(name)) problems.push([name, given.missing]);
  }
  if (problems.length > 0) throw refusal(problems);
  // Each value was made by the rules of its own spec, which the types cannot say.
  return Object.fromEntries(values) as Values<S>;
}
