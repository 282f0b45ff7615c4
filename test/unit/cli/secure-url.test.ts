/** Tokens go over TLS, or nowhere but to this machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { requireSecureUrl } from '../../../cli/secure-url.ts';

for (const url of [
  'https://api.example.org/prod',
  'http://127.0.0.1:3000',
  'http://127.8.9.10',
  'http://localhost:3000',
  'http://[::1]:3000',
]) {
  test(`${url} may have tokens`, () => assert.equal(requireSecureUrl(url, 'it').href, new URL(url).href));
}

for (const url of [
  'http://api.example.org',
  'http://127.0.0.1.example.org',
  'http://127.example.org',
  'http://localhost.example.org',
  'http://localhost@example.org',
  'http://128.0.0.1',
  'ftp://127.0.0.1',
  'api.example.org',
  '',
]) {
  test(`${JSON.stringify(url)} may not`, () =>
    assert.throws(
      () => requireSecureUrl(url, 'the address'),
      (error) => hasCode(error, 'USAGE') && error.message.startsWith('the address '),
    ));
}
