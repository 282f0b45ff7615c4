/** `npm run scale`: counts what a deployment asks of AWS, and multiplies. `--document` writes the tables into docs/scale.md. */
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { table } from '#shared/terminal/columns.ts';
import { markdownTable, putSection } from '../bench/report/put-section.ts';
import { measureOperations } from './measure-operations.ts';
import { federationTable, stepTable } from './scale-tables.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/scale.md', import.meta.url));

const { values } = parseArgs({ options: { document: { type: 'boolean', default: false } } });
const measured = await measureOperations();
for (const [name, rows] of [
  ['steps', stepTable(measured)],
  ['federation', federationTable(measured)],
] as const) {
  process.stdout.write(`${table(rows)}\n\n`);
  if (values.document) await putSection(DOCUMENT, name, markdownTable(rows));
}
