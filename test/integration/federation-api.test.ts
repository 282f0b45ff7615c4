/** What the agent makes of the API's refusals, at an API that a test plays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReportResult, reportsRequest } from '#shared/api/agents.ts';
import type { Report } from '#shared/apply-report.ts';
import type { EdgebootError, ErrorCode } from '#shared/errors.ts';
import { newKeyPair } from '#shared/keys.ts';
import { ulid } from 'ulid';
import { createFederationApi } from '../../edge-agent/adapters/http-federation-api.ts';
import { type Answer, json, playApi, problem, type ReceivedRequest } from './cli/edgeboot-process.ts';

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
    await assert.rejects(renewal, { code: thrown, message: /refused$/ });
    assert.equal(played.requests.filter(({ operation }) => operation.startsWith('POST')).length, 1);
  });
}

/** An API that answers each report alike. */
const answering =
  (result: ReportResult) =>
  ({ body }: ReceivedRequest): Answer => {
    const { reports } = reportsRequest.parse(JSON.parse(body));
    return json(200, { results: reports.map(() => result) });
  };
const REPORT: Report = { sequence: 7, generation: 1, phase: 'RUNNING', agentId: 'a' };
const refusal = (code: string): ReportResult => ({ refused: { code, detail: 'refused', remedy: 'Look.' } });

for (const { result, thrown, what } of [
  { result: { lastSequence: 7 }, thrown: undefined, what: 'a report that the API took is made' },
  { result: refusal('CLAIMED_ELSEWHERE'), thrown: 'CLAIMED_ELSEWHERE', what: 'the refusal of a report is a verdict' },
  { result: refusal('CONFLICT'), thrown: 'SERVICE_UNAVAILABLE', what: 'a report that lost a race is made again later' },
  { result: refusal('INTERNAL'), thrown: 'SERVICE_UNAVAILABLE', what: 'so is one that the API has a fault with' },
  { result: { lastSequence: 8 }, thrown: 'SERVICE_UNAVAILABLE', what: 'so is one that changed nothing: it was late' },
] as const satisfies { result: ReportResult; thrown: ErrorCode | undefined; what: string }[]) {
  test(what, async () => {
    await using played = await playApi(answering(result));
    const api = createFederationApi(played.url, { ...IDENTITY, privateKeyPem: newKeyPair().privateKeyPem });
    const reporting = api.report(ulid(), REPORT, new AbortController().signal);
    if (thrown === undefined) await reporting;
    else await assert.rejects(reporting, { code: thrown });
    assert.deepEqual(
      played.requests.map(({ operation }) => operation),
      ['POST /v1/sites/naist/reports'],
    );
  });
}

test('an API that says nothing of a report has not taken it', async () => {
  await using played = await playApi(() => json(200, { results: [] }));
  const api = createFederationApi(played.url, { ...IDENTITY, privateKeyPem: newKeyPair().privateKeyPem });
  const reporting = api.report(ulid(), REPORT, new AbortController().signal);
  await assert.rejects(reporting, { code: 'SERVICE_UNAVAILABLE' });
});

test('reports that are made while one is under way go out together', async () => {
  await using played = await playApi(answering({}));
  const api = createFederationApi(played.url, { ...IDENTITY, privateKeyPem: newKeyPair().privateKeyPem });
  const { signal } = new AbortController();
  const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 0, partsTotal: 1 };
  await Promise.all([
    ...[1, 2, 3].map(() => api.report(ulid(), REPORT, signal)),
    api.reportWarming(ulid(), { phase: 'FETCHING', progress }, signal),
  ]);
  assert.deepEqual(
    played.requests.map(({ body }) => reportsRequest.parse(JSON.parse(body)).reports.length),
    [1, 3],
  );
});

test('whose token is refused is not told to log in, but to enroll', async () => {
  await using played = await playApi(() => problem('UNAUTHENTICATED', 'refused'));
  const api = createFederationApi(played.url, { ...IDENTITY, privateKeyPem: newKeyPair().privateKeyPem });
  await assert.rejects(api.openSession(), (error: EdgebootError) => /site register/.test(error.remedy));
});

for (const [what, secondsAhead, said] of [
  ['five minutes ahead', 300, /clock is (?:299|300|301) s ahead of the API's/],
  ['a day behind', -86_400, /clock is (?:86399|86400|86401) s behind the API's/],
  ['right', 0, /^the API refuses our token: refused$/],
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
