/** Parameters of calls: what they may be, and the words for what they are not. rest-api.md §1.1, §1.2. */

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
