/** `edgeboot-agent enroll`, at an API that a test plays: a token is good for one key, which therefore outlives a lost answer. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { newKeyPair, publicKeyFingerprint } from '#shared/keys.ts';
import { readIdentity } from '../../edge-agent/identity.ts';
import { SiteAgent } from '../../local/federation/site-agent.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';
import { type Answer, json, playApi } from './cli/edgeboot-process.ts';

const { publicKeyPem: rootPublicKeyPem } = newKeyPair();
const tokenOf = (letter: string): string =>
  `enroll.naist.${letter.repeat(43)}.${publicKeyFingerprint(rootPublicKeyPem)}`;
const enrolled = json(201, { siteId: 'naist', rootPublicKeyPem, audience: 'https://api.example.org' });
/** The token may well be used up. */
const cutOff: Answer = (response) => response.destroy();

test('a lost answer costs no token: the same key is told again, and forgotten once it is the identity', async () => {
  const answers = [cutOff, cutOff, enrolled];
  await using api = await playApi((_request, count) => answers[count] ?? enrolled);
  await using folder = await createTemporaryFolder();
  const host = { driver: 'qemu', qemuUser: 'nobody' } as const;
  const agent = new SiteAgent({ siteId: 'naist', directory: folder.path, apiUrl: api.url, host, resolvers: [] });
  await agent.configure();
  const enroll = (letter: string) => agent.command('enroll', tokenOf(letter));
  const keyTold = () => (JSON.parse(api.requests.at(-1)?.body ?? '') as { publicKeyPem: string }).publicKeyPem;

  assert.equal((await enroll('a')).exitCode, 75);
  const ofOther = keyTold();
  assert.equal((await enroll('b')).exitCode, 75);
  const told = keyTold();
  assert.notEqual(told, ofOther, 'a key is never told with two tokens');
  const { mode } = await stat(path.join(agent.stateDirectory, 'enrolling.json'));
  assert.equal(mode & 0o777, 0o600);

  const { exitCode, stderr } = await enroll('b');
  assert.equal(exitCode, 0, stderr);
  assert.equal(keyTold(), told);
  const { privateKeyPem } = await readIdentity(agent.stateDirectory);
  assert.equal(createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }), told);
  assert.deepEqual(await readdir(agent.stateDirectory), ['identity.json']);

  assert.equal((await enroll('b')).exitCode, 0, 'the same command again');
  assert.equal(keyTold(), told);
  assert.deepEqual(await readdir(agent.stateDirectory), ['identity.json']);
  await enroll('c');
  assert.notEqual(keyTold(), told, 'another token, another key');
});
