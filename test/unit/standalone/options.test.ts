/** The words of `edgeboot-agent boot`. Formats, section 6. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseCount, parseMemory, readPublicKeys } from '../../../edge-agent/standalone/options.ts';
import { repositoriesOf } from '../../../edge-agent/standalone/repository.ts';
import { SSH_KEY } from '../../helpers/model-samples.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const usage = { name: 'EdgebootError', code: 'USAGE' };

test('formats §6: memory is N or FRONTEND:COMPUTE', () => {
  assert.deepEqual(parseMemory('2048'), { frontend: 2048, compute: 2048 });
  assert.deepEqual(parseMemory('2048:1024'), { frontend: 2048, compute: 1024 });
  for (const text of ['', '0', '1:', ':1024', '1:2:3', '-1', '1e3', '2G', '99999999999', '8']) {
    assert.throws(() => parseMemory(text), usage, text);
  }
});

test('formats §6: CPUs are a whole number, 0 too', () => {
  assert.deepEqual(
    ['0', '8', '4096'].map((text) => parseCount(text, 'CPUs')),
    [0, 8, 4096],
  );
  for (const text of ['', '-1', '1.5', '4097', 'all']) assert.throws(() => parseCount(text, 'CPUs'), usage, text);
});

test('formats §6: a key file holds public keys, a line each; a private one is refused without a word of it', async () => {
  await using folder = await createTemporaryFolder();
  const file = join(folder.path, 'keys');
  const keysIn = async (content: string): Promise<string[]> => {
    await writeFile(file, content);
    return readPublicKeys(file);
  };
  assert.deepEqual(await keysIn(`# ours\n${SSH_KEY}\n\n${SSH_KEY} two\r\n`), [SSH_KEY, `${SSH_KEY} two`]);
  for (const content of ['', `command="id" ${SSH_KEY}`, `${SSH_KEY}\nssh-rsa nothing!`]) {
    await assert.rejects(keysIn(content), usage, content);
  }
  await assert.rejects(keysIn('-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n'), (error: Error) => {
    assert.match(error.message, /is a private key/);
    return !error.message.includes('c2VjcmV0');
  });
  await assert.rejects(readPublicKeys(join(folder.path, 'none')), usage);
});

test('formats §6: include and exclude are the configuration’s, or those of the command', () => {
  const repositories = [{ address: 'http://images.example.org/vc', include: ['rocks-*'], exclude: ['*-test'] }];
  assert.deepEqual(repositoriesOf({ repositories }, undefined), repositories);
  const given = { include: ['hpc'], exclude: [] };
  assert.deepEqual(repositoriesOf({ repositories }, 'http://images.example.org/vc', given), [
    { address: 'http://images.example.org/vc', include: ['hpc'], exclude: ['*-test'] },
  ]);
  assert.deepEqual(repositoriesOf({ repositories }, '/srv/vc/'), [{ address: '/srv/vc', include: ['*'], exclude: [] }]);
});
