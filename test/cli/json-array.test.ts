import test from 'ava';
import fc from 'fast-check';
import { type Json, toJson } from '../../src/cli/output/json.js';
import { JsonArray } from '../../src/cli/output/json-array.js';

function isJson(value: unknown): value is Json {
  return value !== undefined;
}

test('an array that is printed item by item is the same text', (t) =>
  fc
    .assert(
      fc.asyncProperty(fc.array(fc.jsonValue().filter(isJson)), fc.boolean(), async (items, pretty) => {
        let text = '';
        const array = new JsonArray(pretty, async (part) => {
          text += part;
        });
        for (const item of items) await array.add(item);
        await array.end();
        return text === `${toJson(items, pretty)}\n`;
      }),
    )
    .then(() => t.pass()));
