/** What the agent makes of the API's refusals, at an API that a test plays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '#shared/errors.ts';
import { newKeyPair } from '#shared/keys.ts';
import { ulid } from 'ulid';
import { createFederationApi } from '../../edge-agent/adapters/http-federation-api.ts';
import { playApi, problem } from './cli/edgeboot-process.ts';

const IDENTITY = { siteId: 'naist', agentId: 'a', audience: 'https://api.example.org', rootPublicKeyPem: '' };

for (const { answered, thrown, what } of [
  { answered: 'VETOED', thrown: 'VETOED', what: 'a veto is a verdict on the job' },
  { answered: 'IMAGE_RECALLED', thrown: 'IMAGE_RECALLED', what: 'so is a recall' },
  { answered: 'ACCESS_WITHDRAWN', thrown: 'ACCESS_WITHDRAWN', what: 'so is a right that was taken back' },
  { answered: 'NOT_FOUND', thrown: 'NOT_FOUND', what: 'so is that it is not there' },
  {
    answered: 'FORBIDDEN',
    thrown: 'SERVICE_UNAVAILABLE',
    what: 'a refused right may be a matter of keys and clocks: later',
  },
  { answered: 'UNAUTHENTICATED', thrown: 'SERVICE_UNAVAILABLE', what: 'so may a refused token' },
] as const satisfies { answered: ErrorCode; thrown: ErrorCode; what: string }[]) {
  test(`${what} (${answered})`, async () => {
    await using played = await playApi(() => problem(answered, 'refused'));
    const api = createFederationApi(played.url, { ...IDENTITY, privateKeyPem: newKeyPair().privateKeyPem });
    const renewal = api.renewGrant(ulid(), new AbortController().signal);
    await assert.rejects(renewal, { code: thrown, message: 'refused' });
    assert.equal(played.requests.filter(({ operation }) => operation.startsWith('POST')).length, 1);
  });
}

for (const [what, secondsAhead, said] of [
  ['five minutes ahead', 300, /clock is (?:299|300|301) s ahead of the API's/],
  ['a day behind', -86_400, /clock is (?:86399|86400|86401) s behind the API's/],
  ['right', 0, /^refused$/],
] as const) {
  test(`fault 58: a refused token is put down to the clock of this host where that is ${what}`, async () => {
    await using played = await playApi(() => (response) => {
      response.setHeader('date', new Date(Date.now() - secondsAhead * 1000).toUTCString());
      problem('UNAUTHENTICATED', 'refused')(response);
    });
    const api = createFederationApi(played.url, { ...IDENTITY, privateKeyPem: newKeyPair().privateKeyPem });
    await assert.rejects(api.openSession(), { code: 'SERVICE_UNAVAILABLE', message: said });
  });
}
