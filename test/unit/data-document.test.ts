/** docs/data.md names the keys of every row that the stores write. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

const ADAPTERS = new URL('../../functions/adapters/', import.meta.url);
/** The beginnings of keys, and whole ones. */
const PREFIX = /[`'](?<prefix>[A-Z][A-Z_]+#)/g;
const WHOLE = /(?:sk|PARTITION)(?::| =) '(?<whole>[A-Z_]+)'/g;
const HEADING = /listPk: [`'](?<heading>[A-Z]+#?)/g;

test('docs/data.md has every key that the stores use', async () => {
  const document = await readFile(new URL('../../docs/data.md', import.meta.url), 'utf8');
  const stores = (await readdir(ADAPTERS)).filter((name) => name.startsWith('dynamodb-'));
  const keys = new Set<string>();
  for (const name of stores) {
    const source = await readFile(new URL(name, ADAPTERS), 'utf8');
    for (const pattern of [PREFIX, WHOLE, HEADING]) {
      for (const { groups = {} } of source.matchAll(pattern)) keys.add(Object.values(groups)[0] ?? '');
    }
  }
  assert.ok(keys.size > 15, `only ${keys.size} keys were found in the stores`);
  const missing = [...keys].filter((key) => !document.includes(`\`${key}`));
  assert.deepEqual(missing, []);
});
