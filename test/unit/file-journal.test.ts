import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { ulid } from 'ulid';
import { openFileJournal } from '../../edge-agent/adapters/file-journal.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

test('the journal removes an entry with what a killed agent was just writing of it, and nothing of others', async () => {
  await using folder = await createTemporaryFolder();
  const journal = await openFileJournal(folder.path);
  const [gone, other] = [ulid(), ulid()];
  const half = (deploymentId: string): string => `${deploymentId}.json.208b8be0-8b60-4d2b-b56b-cb17a94b60ba.new`;
  for (const name of [half(gone), half(other)]) await writeFile(path.join(folder.path, 'journal', name), '{');
  assert.deepEqual(await journal.list(), []);
  await journal.remove(gone);
  assert.deepEqual(await readdir(path.join(folder.path, 'journal')), [half(other)]);
  await journal.remove(gone);
});
