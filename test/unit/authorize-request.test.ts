/** Who asks: tokens of the issuer and of agents, good, bad and hostile. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { signAgentToken } from '#shared/agent-token.ts';
import { EdgebootError } from '#shared/errors.ts';
import { newKeyPair } from '#shared/keys.ts';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { authorizeRequest, type AuthorizeRequestPorts } from '../../functions/authorize-request/authorize-request.ts';

const ISSUER = 'https://issuer.example.org';
const AUDIENCE = 'https://api.example.org';
const REQUEST = { method: 'POST', path: '/v1/sites/naist/session' };

const issuerKey = await generateKeyPair('RS256', { extractable: true });
const strangerKey = await generateKeyPair('RS256');
const issuerJwk: JWK = { ...(await exportJWK(issuerKey.publicKey)), kid: 'k1', alg: 'RS256' };
const agent = newKeyPair();

const ports: AuthorizeRequestPorts = {
  issuer: ISSUER,
  audience: AUDIENCE,
  groupsClaim: 'groups',
  issuerKeys: createLocalJWKSet({ keys: [issuerJwk] }),
  sites: {
    findAgentKey: (siteId) =>
      Promise.resolve(siteId === 'naist' ? { siteId, publicKeyPem: agent.publicKeyPem } : undefined),
  },
  now: () => new Date(),
};

interface Claims {
  readonly iss?: string;
  readonly aud?: string;
  readonly sub?: string;
  readonly exp?: string;
  readonly groups?: unknown;
}

function memberToken(changes: Claims = {}, key = issuerKey.privateKey, header: Record<string, unknown> = {}) {
  const { iss = ISSUER, aud = AUDIENCE, sub = 'alice', exp = '5 min', groups = ['members'] } = changes;
  return new SignJWT({ groups })
    .setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header })
    .setIssuer(iss)
    .setAudience(aud)
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(exp)
    .sign(key);
}
/** Alice's, with these claims and no others of one's own. */
const sign = (claims: Record<string, unknown>) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject('alice')
    .setExpirationTime('5 min')
    .sign(issuerKey.privateKey);
const agentToken = (changes: { site?: string; key?: string; audience?: string; request?: typeof REQUEST } = {}) =>
  signAgentToken(
    changes.site ?? 'naist',
    changes.key ?? agent.privateKeyPem,
    changes.audience ?? AUDIENCE,
    changes.request ?? REQUEST,
    '{"a":1}',
  );
const authorize = (token: string) => authorizeRequest(`Bearer ${token}`, REQUEST, ports);
const denied = { name: 'EdgebootError', code: 'UNAUTHENTICATED' };
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a member', () => {
  it('is known by the issuer’s token', async () => {
    assert.deepEqual(await authorize(await memberToken()), { kind: 'member', memberId: 'alice', groups: 'members' });
  });

  it('has no groups where the token names none', async () => {
    assert.deepEqual(await authorize(await sign({})), { kind: 'member', memberId: 'alice', groups: '' });
  });

  it('keeps the groups that have a plain name; others give no right, and are no reason to refuse', async () => {
    const token = await memberToken({ groups: ['/hpc', 'members', 'guests,federation-operators', 'a b', 7] });
    assert.deepEqual(await authorize(token), { kind: 'member', memberId: 'alice', groups: 'members' });
  });

  it('has the groups of the claim that the federation names, and of no other', async () => {
    const groupsBy = async (groupsClaim: string, claims: Record<string, unknown>) =>
      authorizeRequest(`Bearer ${await sign(claims)}`, REQUEST, { ...ports, groupsClaim });
    const member = (groups: string) => ({ kind: 'member', memberId: 'alice', groups });
    const claims = { groups: ['federation-operators'], 'cognito:groups': ['members'] };
    assert.deepEqual(await groupsBy('cognito:groups', claims), member('members'));
    assert.deepEqual(await groupsBy('groups', claims), member('federation-operators'));
    assert.deepEqual(await groupsBy('https://example.org/groups', claims), member(''));
    for (const groups of ['federation-operators', { 0: 'federation-operators' }, true, null, 7]) {
      await assert.rejects(groupsBy('cognito:groups', { 'cognito:groups': groups }), denied, JSON.stringify(groups));
    }
    // Whoever names a claim that issuers fill otherwise gives nobody a right by it.
    await assert.rejects(groupsBy('sub', claims), denied);
    await assert.rejects(groupsBy('constructor', claims), denied);
  });

  it('is not refused because the issuer’s keys cannot be had', async () => {
    const down = () => Promise.reject(new Error('connect ECONNREFUSED'));
    const attempt = authorizeRequest(`Bearer ${await memberToken()}`, REQUEST, { ...ports, issuerKeys: down });
    await assert.rejects(attempt, /ECONNREFUSED/);
  });

  const payload = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: Math.floor(Date.now() / 1000) + 300 };
  const hostile: Record<string, () => Promise<string>> = {
    'is expired': () => memberToken({ exp: '-1 min' }),
    'is for another audience': () => memberToken({ aud: 'https://elsewhere.example.org' }),
    'is of another issuer': () => memberToken({ iss: 'https://evil.example.org' }),
    'is signed by a stranger': () => memberToken({}, strangerKey.privateKey),
    'has an unknown kid': () => memberToken({}, strangerKey.privateKey, { kid: '../../dev/null' }),
    'brings its own key': async () =>
      memberToken({}, strangerKey.privateKey, { jwk: await exportJWK(strangerKey.publicKey), kid: undefined }),
    'points at a key set of its own': () =>
      memberToken({}, strangerKey.privateKey, { jku: 'https://evil.example.org/jwks', kid: 'evil' }),
    'has algorithm none': () => Promise.resolve(`${encode({ alg: 'none' })}.${encode(payload)}.`),
    'is signed with the public key as an HMAC secret': () => {
      const body = `${encode({ alg: 'HS256', kid: 'k1' })}.${encode(payload)}`;
      const secret = JSON.stringify(issuerJwk);
      return Promise.resolve(`${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`);
    },
    'has a subject with a line break': () => memberToken({ sub: 'alice\nroot' }),
    'is nonsense': () => Promise.resolve('a.b.c'),
    'says that it is an agent’s': () =>
      memberToken({ iss: 'naist' }, issuerKey.privateKey, { typ: 'edgeboot-agent+jwt' }),
  };
  for (const [what, make] of Object.entries(hostile)) {
    it(`fault 51: is refused when the token ${what}`, async () => assert.rejects(authorize(await make()), denied));
  }

  it('is refused without a token', async () => {
    await assert.rejects(authorizeRequest(undefined, REQUEST, ports), denied);
    await assert.rejects(authorizeRequest('Basic YTpi', REQUEST, ports), denied);
  });
});

describe('an agent', () => {
  it('is known by its own key, for this one request and body', async () => {
    const bodySha256 = createHash('sha256').update('{"a":1}').digest('hex');
    assert.deepEqual(await authorize(await agentToken()), { kind: 'agent', siteId: 'naist', bodySha256 });
  });

  it('fault 51: is refused with a token for another request, audience, site or key', async () => {
    const tokens = [
      agentToken({ request: { ...REQUEST, method: 'GET' } }),
      agentToken({ request: { ...REQUEST, path: '/v1/sites/naist/heartbeat' } }),
      agentToken({ audience: 'https://elsewhere.example.org' }),
      agentToken({ site: 'ucsd' }),
      agentToken({ key: newKeyPair().privateKeyPem }),
    ];
    for (const token of tokens) await assert.rejects(authorize(await token), denied);
  });

  it('is not refused because the store is busy', async () => {
    const busy = { findAgentKey: () => Promise.reject(new EdgebootError('SERVICE_UNAVAILABLE', 'the store is busy')) };
    const attempt = authorizeRequest(`Bearer ${await agentToken()}`, REQUEST, { ...ports, sites: busy });
    await assert.rejects(attempt, { code: 'SERVICE_UNAVAILABLE' });
  });

  it('fault 51, fault 58: is refused when the token is older than a minute and the clocks’ tolerance', async () => {
    const token = await agentToken();
    const later = { ...ports, now: () => new Date(Date.now() + 180_000) };
    await assert.rejects(authorizeRequest(`Bearer ${token}`, REQUEST, later), denied);
  });
});
