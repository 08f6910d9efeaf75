/** Form encoding, as queries and bodies have it: `a=1&b=x+y`. rest-api.md §1.1. */

/** The pairs in their order; blanks are `+`, bytes that are no UTF-8 become U+FFFD. */
export function formPairs(text: string): readonly (readonly [name: string, value: string])[] {
  // URLSearchParams would drop a question mark in front.
  return [...new URLSearchParams(text.startsWith('?') ? `&${text}` : text)];
}
