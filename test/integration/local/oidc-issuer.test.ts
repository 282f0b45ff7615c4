import assert from 'node:assert/strict';
import { suite, test, before, after } from 'node:test';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import {
  allowInsecureRequests,
  discovery,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  refreshTokenGrant,
  ResponseBodyError,
  type Configuration,
} from 'openid-client';
import { approveDevice } from '../../../local/approve-device.ts';
import { OIDC_CLIENT_ID, startOidcIssuer, type OidcIssuer } from '../../../local/oidc-issuer.ts';

const audience = 'https://api.edgeboot.test';

for (const algorithm of ['RS256', 'ES256'] as const) {
  void suite(`OIDC issuer, ${algorithm}`, { timeout: 30_000 }, () => {
    let issuer: OidcIssuer;
    let client: Configuration;
    before(async () => {
      const members = [
        { id: 'alice', password: 'correct horse', groups: ['publishers', 'hpc'] },
        { id: 'bob', groups: [] },
      ];
      issuer = await startOidcIssuer({ members, audience, algorithm });
      client = await discovery(new URL(issuer.issuerUrl), OIDC_CLIENT_ID, undefined, None(), {
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- the library marks it so to warn; loopback has no TLS
        execute: [allowInsecureRequests],
      });
    });
    after(() => issuer.close());

    const verify = async (token: string) => {
      const keys = createRemoteJWKSet(new URL(client.serverMetadata().jwks_uri ?? ''));
      return jwtVerify(token, keys, { issuer: issuer.issuerUrl, audience, algorithms: [algorithm], typ: 'at+jwt' });
    };
    const begin = () => initiateDeviceAuthorization(client, { scope: 'openid offline_access', resource: audience });
    const uriOf = (authorization: Awaited<ReturnType<typeof begin>>) => {
      assert.ok(authorization.verification_uri_complete);
      return authorization.verification_uri_complete;
    };

    void test('a member approves the device: a JWT with audience and groups, and a refresh token that works', async () => {
      const authorization = await begin();
      assert.equal(authorization.interval, 1);
      await approveDevice(uriOf(authorization), { id: 'alice', password: 'correct horse' });
      const tokens = await pollDeviceAuthorizationGrant(client, authorization);
      const { payload } = await verify(tokens.access_token);
      assert.equal(payload.sub, 'alice');
      assert.deepEqual(payload['groups'], ['publishers', 'hpc']);
      assert.equal(tokens.claims()?.sub, 'alice');
      assert.ok(tokens.refresh_token);
      const refreshed = await refreshTokenGrant(client, tokens.refresh_token);
      assert.equal((await verify(refreshed.access_token)).payload.sub, 'alice');
      assert.notEqual(refreshed.access_token, tokens.access_token);
    });

    void test('a wrong password, an unknown member or a wrong code approves nothing', async () => {
      const authorization = await begin();
      const refused = { name: 'EdgebootError', code: 'FORBIDDEN' };
      await assert.rejects(approveDevice(uriOf(authorization), { id: 'alice', password: 'wrong' }), refused);
      await assert.rejects(approveDevice(uriOf(authorization), { id: 'mallory' }), refused);
      await assert.rejects(approveDevice(`${authorization.verification_uri}?user_code=WRONG`, { id: 'bob' }), refused);
      const grant = new URLSearchParams({
        client_id: OIDC_CLIENT_ID,
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: authorization.device_code,
      });
      const pending = await fetch(client.serverMetadata().token_endpoint ?? '', { method: 'POST', body: grant });
      assert.equal(((await pending.json()) as { error: string }).error, 'authorization_pending');
    });

    void test('another resource is refused', async () => {
      const authorization = initiateDeviceAuthorization(client, {
        scope: 'openid',
        resource: 'https://elsewhere.test',
      });
      await assert.rejects(authorization, (error) => {
        assert.ok(error instanceof ResponseBodyError);
        assert.equal(error.error, 'invalid_target');
        return true;
      });
    });

    void test('issued tokens are the issuer’s own; expired ones and those for others are refused', async () => {
      assert.deepEqual((await verify(await issuer.issueToken('alice'))).payload['groups'], ['publishers', 'hpc']);
      await assert.rejects(verify(await issuer.issueToken('alice', { exp: 1 })), errors.JWTExpired);
      await assert.rejects(verify(await issuer.issueToken('alice', { aud: 'x' })), errors.JWTClaimValidationFailed);
    });
  });
}
