/** What packaging says that must be set before anybody deploys. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { unsetSettings } from '../../setup/unset-settings.ts';

const service = readFileSync(new URL('../../serverless.yml', import.meta.url), 'utf8');
const ISSUER = { OIDC_ISSUER: 'https://i', OIDC_JWKS_URL: 'https://i/jwks', OIDC_AUDIENCE: 'https://a' };
const SET = { ...ISSUER, ROOT_PUBLIC_KEY_BASE64: 'cm9vdA==' };

test('every placeholder of serverless.yml is named, where it is not set', () => {
  assert.deepEqual(unsetSettings(service, {}), ['SIGNING_PUBLIC_KEY_A', ...Object.keys(SET)]);
  assert.deepEqual(unsetSettings(service, { ...SET, SIGNING_PUBLIC_KEY_A: 'pem', OIDC_ISSUER: '' }), ['OIDC_ISSUER']);
});

test('either signing key will do', () => {
  assert.deepEqual(unsetSettings(service, { ...SET, SIGNING_PUBLIC_KEY_B: 'pem', SIGNING_PUBLIC_KEY_A: '' }), []);
});
