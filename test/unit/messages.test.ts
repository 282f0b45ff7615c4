import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundedText } from '#shared/log-fields.ts';
import { parseSiteMessage } from '#shared/messages.ts';
import { FQDN, IMAGE_NAME, MAC_ADDRESS, SITE_ID, SSH_PUBLIC_KEY } from '#shared/names.ts';
import { ulid } from 'ulid';
import { makeGrant } from '../helpers/edge-fixture.ts';
import { SSH_KEY } from '../helpers/model-samples.ts';

const message = () => ({ schemaVersion: 1, deploymentId: ulid(), generation: 1 });
const warming = () => ({ schemaVersion: 1, warmingId: ulid(), grant: makeGrant('https://edge.example.org') });
const invalid = { name: 'EdgebootError', code: 'INVALID_MESSAGE' };

describe('messages', () => {
  it('are read back as they were written', () => {
    const announcedAgain = { schemaVersion: 1, warmingId: ulid() };
    for (const one of [message(), warming(), announcedAgain])
      assert.deepEqual(parseSiteMessage(JSON.stringify(one)), one);
  });

  for (const [what, body] of [
    ['no JSON', 'not json'],
    ['another schema version', JSON.stringify({ ...message(), schemaVersion: 2 })],
    ['no deployment', JSON.stringify({ schemaVersion: 1, generation: 1 })],
    ['a path as an id', JSON.stringify({ ...message(), deploymentId: '../../etc/passwd' })],
    ['a generation of 0', JSON.stringify({ ...message(), generation: 0 })],
    ['a warming of another schema version', JSON.stringify({ ...warming(), schemaVersion: 2 })],
    ['a warming with half a grant', JSON.stringify({ ...warming(), grant: { schemaVersion: 1 } })],
    ['a warming and a deployment', JSON.stringify({ ...warming(), deploymentId: ulid() })],
    ['a field that nobody knows', JSON.stringify({ ...message(), extra: true })],
  ] as const) {
    it(`fault 24: with ${what} are refused`, () => assert.throws(() => parseSiteMessage(body), invalid));
  }

  it('fault 24: are never repeated in the refusal: they may hold a signed query', () => {
    const body = JSON.stringify({ ...message(), grant: { signedQuery: 'Policy=SECRET' } });
    assert.throws(
      () => parseSiteMessage(body),
      (error: unknown) => error instanceof Error && !error.message.includes('SECRET'),
    );
  });
});

describe('names', () => {
  const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: string) =>
    schema.safeParse(value).success;

  it('are letters, digits and hyphens', () => {
    for (const good of ['a', 'hpc-base', 'x9']) assert.ok(accepts(IMAGE_NAME, good) && accepts(SITE_ID, good), good);
    // Where a site is asked for, it means whichever fits best.
    assert.deepEqual(
      [accepts(SITE_ID, 'any'), accepts(SITE_ID, 'anywhere'), accepts(SITE_ID, 'x-any')],
      [false, true, true],
    );
    for (const bad of ['', '-a', 'a-', 'A', 'a_b', 'a b', 'a/b', '../a', 'a;b', 'a\n', 'ä', 'x'.repeat(64)]) {
      assert.ok(!accepts(IMAGE_NAME, bad) && !accepts(SITE_ID, bad), bad);
    }
  });

  it('of hosts and cards follow their standards', () => {
    assert.ok(accepts(FQDN, 'vc-10-0-0-1.naist.example.org'));
    assert.ok(!accepts(FQDN, 'a..b') && !accepts(FQDN, '$(id).org'));
    assert.ok(accepts(MAC_ADDRESS, '02:00:00:00:00:0a') && !accepts(MAC_ADDRESS, '02:00:00:00:00:0A'));
  });

  it('of ssh keys hold one key and no options', () => {
    assert.ok(accepts(SSH_PUBLIC_KEY, SSH_KEY));
    for (const bad of [`command="id" ${SSH_KEY}`, `${SSH_KEY}\n${SSH_KEY}`, 'ssh-ed25519', 'ssh-dss AAAA']) {
      assert.ok(!accepts(SSH_PUBLIC_KEY, bad), bad);
    }
  });
});

describe('texts from outside', () => {
  it('fault 56: become one bounded line', () => {
    assert.equal(boundedText('a\r\nb\u001b[31m\u0085\u2028'), 'a\\u000d\\u000ab\\u001b[31m\\u0085\\u2028');
    assert.ok(boundedText('x'.repeat(1_000_000)).length < 3000);
  });
});
