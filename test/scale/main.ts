/** `npm run scale`: counts what a deployment asks of AWS, and multiplies. `--document` writes the tables into docs. */
import { parseArgs } from 'node:util';
import { table } from '#shared/terminal/columns.ts';
import { markdownTable, putSection } from '../bench/report/put-section.ts';
import { sectionsOf } from './documents.ts';
import { measureOperations } from './measure-operations.ts';

const { values } = parseArgs({ options: { document: { type: 'boolean', default: false } } });
for (const { file, name, rows } of sectionsOf(await measureOperations())) {
  process.stdout.write(`${table(rows)}\n\n`);
  if (values.document) await putSection(file, name, markdownTable(rows));
}
