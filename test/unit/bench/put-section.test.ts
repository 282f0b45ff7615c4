/** Sections of documents that are written by the commands that measure. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { markdownTable, putSection } from '../../bench/report/put-section.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

test('a section is replaced, again and again, and nothing else', async () => {
  await using folder = await createTemporaryFolder();
  const file = path.join(folder.path, 'page.md');
  await writeFile(file, '# Page\n\nbefore\n\n<!-- rates -->\n<!-- end of rates -->\n\nafter\n');
  for (const value of ['1', '22']) {
    await putSection(
      file,
      'rates',
      markdownTable([
        ['work', 's'],
        ['a | b', value],
      ]),
    );
  }
  const lines = (await readFile(file, 'utf8')).split('\n');
  assert.deepEqual(lines.slice(0, 5), ['# Page', '', 'before', '', '<!-- rates -->']);
  assert.deepEqual(lines.slice(6, 9), ['| work   | s   |', '| ------ | --- |', '| a \\| b | 22  |']);
  assert.deepEqual(lines.slice(-4), ['<!-- end of rates -->', '', 'after', '']);
  await assert.rejects(putSection(file, 'other', ''), /no section other/);
});
