/** What docs/operations.md says of prices in its text: those that are calculated with. Its tables are held by scale.test.ts. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { EDGE_GIGABYTE_USD, MILLION_USD, MONTH_USD, PRICE_LIST } from '#shared/aws-prices.ts';

test('docs/operations.md has the prices that are calculated with, their region and month', async () => {
  const document = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const tenGigabytes = (place: keyof typeof EDGE_GIGABYTE_USD) => (10 * EDGE_GIGABYTE_USD[place]).toFixed(2);
  for (const text of [
    `list prices for ${PRICE_LIST.region} as of ${PRICE_LIST.month}`,
    `${MONTH_USD.bucketGigabyte} per GB and month of images in the bucket, and ${MONTH_USD.tableGigabyte} per GB of table`,
    `In North America or Europe the first line is ${tenGigabytes('North America, Europe')}, in Singapore ${tenGigabytes('Singapore')}.`,
    `1,200 PUT at ${MILLION_USD.bucketPuts} per million`,
  ]) {
    assert.ok(document.replaceAll(/\s+/g, ' ').includes(text), text);
  }
});
