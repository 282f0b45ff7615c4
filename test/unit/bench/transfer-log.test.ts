/** The web server's account of what it sent. */
import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { TransferLog } from '../../bench/servers/transfer-log.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

test('each answer of the port counts once, when its line is whole', async () => {
  await using folder = await createTemporaryFolder();
  const file = path.join(folder.path, 'access.log');
  await writeFile(file, '');
  const log = new TransferLog(file, 8080);
  assert.deepEqual(await log.take(), { requests: 0, bytes: 0, paths: [] });
  await appendFile(file, '8080 200 100 /a\n9090 200 7 /a\n8080 206 10 /b c\n8080 200 1');
  assert.deepEqual(await log.take(), { requests: 2, bytes: 110, paths: ['/a', '/b c'] });
  await appendFile(file, '000 /a\n');
  const atOnce = await Promise.all([log.take(), log.take()]);
  assert.equal(atOnce[0].bytes + atOnce[1].bytes, 1000);
});
