/** Native images of a bare repository: their publisher's key is kept as ssh keeps a host's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newKeyPair } from '#shared/keys.ts';
import { checkPublisher, type Sighting } from '../../../edge-agent/standalone/publisher-pins.ts';
import { memoryTurns } from '../../helpers/memory-locks.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const [one, other] = [newKeyPair().publicKeyPem, newKeyPair().publicKeyPem];
const FIRST: Sighting = {
  repository: 'http://images.example.org/vc',
  name: 'hpc',
  publicKeyPem: one,
  version: 2,
  acceptChanges: false,
};
function seeIn(pinsDirectory: string) {
  const { signal } = new AbortController();
  const holdLock = memoryTurns();
  return (changes: Partial<Sighting> = {}) =>
    checkPublisher({ ...FIRST, ...changes }, { pinsDirectory, holdLock }, signal);
}

const untrusted = (message: RegExp) => ({ code: 'MANIFEST_UNTRUSTED', message });

test('formats §4: the key of the first sight is kept; newer versions under it need no word', async () => {
  await using folder = await createTemporaryFolder();
  const see = seeIn(folder.path);
  assert.match((await see()) ?? '', /seen for the first time/);
  assert.equal(await see(), undefined);
  assert.equal(await see({ version: 3 }), undefined);
  assert.equal(await see({ repository: `${FIRST.repository}/`, version: 3 }), undefined, 'the same repository');
  assert.match((await see({ name: 'other' })) ?? '', /first time/);
});

test('formats §4: another key or an older version is refused until the operator accepts it', async () => {
  await using folder = await createTemporaryFolder();
  const see = seeIn(folder.path);
  await see({});
  await assert.rejects(see({ publicKeyPem: other, version: 9 }), untrusted(/another key/));
  await assert.rejects(see({ version: 1 }), untrusted(/version 1, older than 2/));
  assert.equal(await see({}), undefined, 'what was refused changed nothing');
  assert.match((await see({ publicKeyPem: other, version: 1, acceptChanges: true })) ?? '', /accepted/);
  assert.equal(await see({ publicKeyPem: other, version: 1 }), undefined);
  await assert.rejects(see({}), untrusted(/another key/));
});

test('formats §4: of several who see an image for the first time at once, with keys of their own, one is believed', async () => {
  await using folder = await createTemporaryFolder();
  const see = seeIn(folder.path);
  const keys = Array.from({ length: 4 }, () => newKeyPair().publicKeyPem);
  const outcomes = await Promise.allSettled(keys.map((publicKeyPem) => see({ publicKeyPem })));
  const believed = keys.filter((_, i) => outcomes[i]?.status === 'fulfilled');
  assert.equal(believed.length, 1);
  assert.equal(await see({ publicKeyPem: believed[0] ?? '' }), undefined, 'and stays so');
});
