/** Handlers as Lambda loads them, with their real adapters; the services behind these are down (nothing listens). */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { signAgentToken } from '#shared/agent-token.ts';
import { nextToken } from '#shared/api/deployments.ts';
import { newKeyPair } from '#shared/keys.ts';
import { generateKeyPair, SignJWT } from 'jose';
import * as z from 'zod';
import { freePort } from '../../local/free-port.ts';

const AUDIENCE = 'https://api.example.org';
const ISSUER = 'https://issuer.example.org';
const PATH = '/v1/sites/naist/session';
const MEMBER = { kind: 'member', memberId: 'alice', groups: '' };

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

before(async () => {
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL: nowhere,
    AWS_MAX_ATTEMPTS: '1',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
    TABLE_NAME: 't',
    QUEUE_PREFIX: 't',
    AUDIT_LOG_GROUP: 't',
    MINT_FUNCTION: 't',
    ENROLLMENT_SECRET: 't',
    OIDC_ISSUER: ISSUER,
    OIDC_AUDIENCE: AUDIENCE,
    OIDC_GROUPS_CLAIM: 'groups',
    OIDC_JWKS_URL: `${nowhere}/jwks`,
    ROOT_PUBLIC_KEY_BASE64: 'dGVzdA==',
  });
});

const handlerOf = async (folder: string): Promise<Handler> =>
  ((await import(`../../functions/${folder}/handler.ts`)) as { handler: Handler }).handler;

describe('the authorizer', () => {
  const authorize = async (token: string) =>
    (await handlerOf('authorize-request'))(
      {
        identitySource: [`Bearer ${token}`],
        rawPath: PATH,
        routeKey: 'POST /v1/sites/{siteId}/session',
        requestContext: { requestId: 'r', http: { method: 'POST' } },
      },
      {},
    );

  it('says Unauthorized to a token that is none', async () => {
    await assert.rejects(authorize('a.b.c'), { message: 'Unauthorized' });
    const strange = { method: 'POST', path: PATH };
    const token = await signAgentToken('a site/with spaces', newKeyPair().privateKeyPem, AUDIENCE, strange, '');
    await assert.rejects(authorize(token), { message: 'Unauthorized' });
  });

  it('says something else when the store or the issuer’s keys cannot be reached', async () => {
    const { privateKeyPem } = newKeyPair();
    const agent = await signAgentToken('naist', privateKeyPem, AUDIENCE, { method: 'POST', path: PATH }, '');
    const { privateKey } = await generateKeyPair('RS256');
    const member = await new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(privateKey);
    for (const token of [agent, member]) {
      await assert.rejects(authorize(token), (error: Error) => error.message !== 'Unauthorized');
    }
  });
});

describe('an id or a cursor that can be none never reaches the store', () => {
  const ask = async (
    folder: string,
    routeKey: string,
    pathParameters: Record<string, string>,
    queryStringParameters: Record<string, string> = {},
  ): Promise<number> => {
    const event = {
      routeKey,
      pathParameters,
      queryStringParameters,
      headers: {},
      isBase64Encoded: false,
      requestContext: {
        requestId: 'r',
        http: { method: routeKey.split(' ')[0], sourceIp: '127.0.0.1' },
        authorizer: { lambda: MEMBER },
      },
    };
    return ((await (await handlerOf(folder))(event, {})) as { statusCode: number }).statusCode;
  };
  const LIST = 'GET /v1/deployments';
  const SHOW = 'GET /v1/deployments/{deploymentId}';
  const EVENTS = 'GET /v1/deployments/{deploymentId}/events';
  const WARMING = 'GET /v1/warmings/{warmingId}';
  const JOB = 'GET /v1/sites/{siteId}/warmings/{warmingId}';
  const deploymentId = '01JD0000000000000000000000';

  it('in the path: NOT_FOUND', async () => {
    for (const id of ['x'.repeat(3000), '', 'naist', '../x']) {
      assert.equal(await ask('read-deployments', SHOW, { deploymentId: id }), 404);
      assert.equal(await ask('warm-image', WARMING, { warmingId: id }), 404);
      assert.equal(await ask('serve-warming', JOB, { siteId: 'naist', warmingId: id }), 404);
    }
    assert.equal(await ask('read-images', 'GET /v1/images/{imageName}', { imageName: 'x'.repeat(3000) }), 404);
    assert.equal(await ask('record-heartbeat', 'POST /v1/sites/{siteId}/heartbeat', { siteId: 'x'.repeat(3000) }), 404);
  });

  it('in the query: INVALID_REQUEST', async () => {
    for (const after of ['-1', '1.5', '1e3', '', '9999999999', '99999999999999999999']) {
      assert.equal(await ask('read-deployments', EVENTS, { deploymentId }, { after }), 400, after);
    }
    for (const next of ['', 'x'.repeat(3000), deploymentId]) {
      assert.equal(await ask('read-deployments', LIST, {}, { next }), 400);
    }
  });

  it('while a good one does, and finds it down', async () => {
    assert.equal(await ask('read-deployments', SHOW, { deploymentId }), 500);
    assert.equal(await ask('warm-image', WARMING, { warmingId: deploymentId }), 500);
    assert.equal(await ask('serve-warming', JOB, { siteId: 'naist', warmingId: deploymentId }), 500);
    assert.equal(await ask('read-deployments', EVENTS, { deploymentId }, { after: '9999999998' }), 500);
    assert.equal(await ask('read-deployments', LIST, {}, { next: z.encode(nextToken, deploymentId) }), 500);
  });
});

describe('a body', () => {
  const send = async (body: string): Promise<{ status: number; code: string; detail: string }> => {
    const event = {
      routeKey: 'POST /v1/enrollments',
      headers: {},
      isBase64Encoded: false,
      body,
      requestContext: { requestId: 'r', http: { method: 'POST', sourceIp: '127.0.0.1' } },
    };
    const answer = (await (await handlerOf('enroll-agent'))(event, {})) as { statusCode: number; body: string };
    return { ...(JSON.parse(answer.body) as { code: string; detail: string }), status: answer.statusCode };
  };
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

  it('fault 56: of more than 256 KiB is REQUEST_TOO_LARGE, counted in bytes', async () => {
    const there = async (text: string) => (await send(`"${text}"`)).status;
    assert.equal(await there('x'.repeat(256 * 1024 - 2)), 400);
    assert.equal(await there('x'.repeat(256 * 1024 - 1)), 413);
    assert.equal(await there('é'.repeat(128 * 1024)), 413);
    assert.equal((await send('x'.repeat(300 * 1024))).code, 'REQUEST_TOO_LARGE');
  });

  it('that nests deeper than 16 levels is INVALID_REQUEST, however deep', async () => {
    assert.match((await send(nested(17))).detail, /nests deeper/);
    assert.match((await send(nested(100_000))).detail, /nests deeper/);
    const { code, detail } = await send(nested(16));
    assert.equal(code, 'INVALID_REQUEST');
    assert.doesNotMatch(detail, /nests deeper/);
  });
});
