/** docs/scale.md says what a deployment asks of AWS: as it is counted now. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { measureOperations } from '../scale/measure-operations.ts';
import { federationTable, stepTable } from '../scale/scale-tables.ts';

test(
  'the tables of docs/scale.md are what is counted (npm run scale -- --document)',
  { timeout: 120_000 },
  async () => {
    const measured = await measureOperations();
    const text = await readFile(new URL('../../docs/scale.md', import.meta.url), 'utf8');
    for (const [name, rows] of [
      ['steps', stepTable(measured)],
      ['federation', federationTable(measured)],
    ] as const) {
      const section = text.split(`<!-- ${name} -->`)[1]?.split(`<!-- end of ${name} -->`)[0] ?? '';
      const cells = section
        .split('\n')
        .filter((line) => line.startsWith('|') && !/^\|[-| ]+$/.test(line))
        .map((line) =>
          line
            .slice(1, -1)
            .split('|')
            .map((cell) => cell.trim()),
        );
      assert.deepEqual(cells, rows);
    }
  },
);
