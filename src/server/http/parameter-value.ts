/** One parameter's value, from the text of a form or from JSON: what it is, or why it is none. rest-api.md §1.1, §1.2. */
import type { ParameterSpec } from './parameters.js';

/** `reason` in the server's words. */
export type Outcome = { readonly value: unknown } | { readonly reason: string };

type Spec<K extends ParameterSpec['kind']> = Extract<ParameterSpec, { readonly kind: K }>;

const NO_MATCH = 'value does not match the regex pattern';
const TRUE: ReadonlySet<string> = new Set(['1', 'on', 'yes', 'true']);
const FALSE: ReadonlySet<string> = new Set(['0', 'off', 'no', 'false']);
/** Longest text that is repeated in a message, in characters. */
const SHOWN = 128;

function checkText({ pattern, choices, min = 0, max }: Spec<'text'>, text: string): Outcome {
  const length = [...text].length;
  if (length < min) return { reason: `value must be at least ${min} characters long` };
  if (max !== undefined && length > max) return { reason: `value may only be ${max} characters long` };
  if (pattern !== undefined && !pattern.test(text)) return { reason: NO_MATCH };
  if (choices !== undefined && !choices.includes(text))
    return { reason: `value '${text.slice(0, SHOWN)}' is not defined in the enumeration.` };
  return { value: text };
}

function checkInteger({ min, max }: { min?: number; max?: number }, value: number): Outcome {
  if (min !== undefined && value < min)
    return { reason: `value must have a minimum value of ${min} (got ${value})` };
  if (max !== undefined && value > max)
    return { reason: `value must have a maximum value of ${max} (got ${value})` };
  return { value };
}

function integerOf(spec: Spec<'integer' | 'integers'>, text: string): Outcome {
  if (!/^[+-]?\d{1,32}$/.test(text)) return { reason: 'invalid digit found in string' };
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    return { reason: `number too ${value < 0 ? 'small' : 'large'} to fit in target type` };
  // No negative zero.
  return checkInteger(spec, value + 0);
}

function booleanOf(text: string): Outcome {
  const word = text.toLowerCase();
  if (TRUE.has(word)) return { value: true };
  return FALSE.has(word) ? { value: false } : { reason: 'Unable to parse boolean option.' };
}

/** All elements, or what is wrong with the first that is none. */
function all<T>(items: readonly T[], one: (item: T) => Outcome): Outcome {
  const values: unknown[] = [];
  for (const item of items) {
    const outcome = one(item);
    if ('reason' in outcome) return outcome;
    values.push(outcome.value);
  }
  return { value: values };
}

function elementText({ pattern }: Spec<'texts'>, text: string): Outcome {
  return pattern === undefined || pattern.test(text) ? { value: text } : { reason: NO_MATCH };
}

/** The value of a name that stands in a form once for each of `texts`. */
export function fromTexts(spec: ParameterSpec, texts: readonly string[]): Outcome {
  if (spec.kind === 'texts') return all(texts, (text) => elementText(spec, text));
  if (spec.kind === 'integers') return all(texts, (text) => integerOf(spec, text));
  const [text = '', ...more] = texts;
  if (more.length > 0) return { reason: 'duplicate parameter.' };
  if (spec.kind === 'boolean') return booleanOf(text);
  return spec.kind === 'integer' ? integerOf(spec, text) : checkText(spec, text);
}

function jsonText(value: unknown, check: (text: string) => Outcome): Outcome {
  return typeof value === 'string' ? check(value) : { reason: 'Expected string value.' };
}

function jsonInteger(spec: Spec<'integer' | 'integers'>, value: unknown): Outcome {
  return typeof value === 'number' && Number.isSafeInteger(value)
    ? checkInteger(spec, value + 0)
    : { reason: 'Expected integer value.' };
}

/** The value of a property of a JSON body. */
export function fromJson(spec: ParameterSpec, value: unknown): Outcome {
  switch (spec.kind) {
    case 'text':
      return jsonText(value, (text) => checkText(spec, text));
    case 'integer':
      return jsonInteger(spec, value);
    case 'boolean':
      return typeof value === 'boolean' ? { value } : { reason: 'Expected boolean value.' };
  }
  if (!Array.isArray(value)) return { reason: 'Expected array - got scalar value.' };
  const items: readonly unknown[] = value;
  if (spec.kind === 'integers') return all(items, (item) => jsonInteger(spec, item));
  return all(items, (item) => jsonText(item, (text) => elementText(spec, text)));
}
