/** docs/scale.md and docs/operations.md say what a deployment asks of AWS, and costs: as it is counted now. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { deploymentsPerGigabyte, siteMonthUsd } from '../scale/cost-tables.ts';
import { sectionsOf } from '../scale/documents.ts';
import { measureOperations } from '../scale/measure-operations.ts';

const SCALE = new URL('../../docs/scale.md', import.meta.url);
const OPERATIONS = new URL('../../docs/operations.md', import.meta.url);

test('the tables of docs are what is counted (npm run scale -- --document)', { timeout: 120_000 }, async () => {
  const measured = await measureOperations();
  for (const { file, name, rows } of sectionsOf(measured)) {
    assert.deepEqual(cellsOf(await readFile(file, 'utf8'), name), rows, name);
  }
  const [scale, operations] = await Promise.all([SCALE, OPERATIONS].map((file) => readFile(file, 'utf8')));
  assert.ok(scale?.includes(`1 GB in Japan costs as much as ${deploymentsPerGigabyte(measured)} deployments`));
  assert.ok(operations?.includes(`A site more costs about ${siteMonthUsd(measured).toFixed(2)}.`));
});

function cellsOf(text: string, name: string): string[][] {
  const section = text.split(`<!-- ${name} -->`)[1]?.split(`<!-- end of ${name} -->`)[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-| ]+$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}
