/** Documents that show measurements: a section between two comments is written by the command that measured. */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

/** Replaces what stands between `<!-- name -->` and `<!-- end of name -->`. Throws where the document has no such section. */
export async function putSection(file: string, name: string, markdown: string): Promise<void> {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const text = await readFile(file, 'utf8');
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no section ${name}`);
  const replaced = `${text.slice(0, from)}${begin}\n\n${markdown}\n\n${text.slice(to)}`;
  await writeFile(file, await format(replaced, { ...(await resolveConfig(file)), filepath: file }));
}

/** The first row is the heading. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [heading = [], ...body] = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  return [heading, heading.map(() => '---'), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
