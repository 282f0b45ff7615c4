import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { parseFileUrl, requireRepositoryPath } from '../../../edge-agent/core/repository-path.ts';

const isInvalid = (error: unknown): boolean => hasCode(error, 'INVALID_REQUEST');

test('a URL of a file is a place and a plain path', () => {
  assert.deepEqual(parseFileUrl('HTTP://Images.Example.ORG:80/vc/a.xml'), {
    origin: 'http://images.example.org',
    path: 'vc/a.xml',
  });
  assert.deepEqual(parseFileUrl('https://[::1]:8443/a')?.origin, 'https://[::1]:8443');
  for (const named of ['vc/a.xml', '/vc/a.xml', 'ftp://h/a', '']) assert.equal(parseFileUrl(named), undefined);
});

test('fault 57: a URL that says more, or means something else than it looks, is refused', () => {
  for (const named of [
    ...['http://h', 'http://h/', 'http:///a', 'http:/h/a', 'http:h', 'https:', 'http://u:p@h/a', 'http://h\\@evil/a'],
    ...['http://h/../a', 'http://h/a/..', 'http://h/%2e%2e/a', 'http://h/a?b', 'http://h/a#b', 'http://h//a'],
    ...['http://h:99999/a', 'http://h /a', 'http://h\n/a', 'http://[::1/a', 'http://ä/a'],
  ]) {
    assert.throws(() => parseFileUrl(named), isInvalid, named);
  }
});

test('fault 42: what is wrong with a name is shown bounded, on one line', () => {
  assert.throws(
    () => requireRepositoryPath(`${'x'.repeat(5000)}\n`),
    (error) => isInvalid(error) && (error as Error).message.length < 300,
  );
  assert.throws(
    () => requireRepositoryPath('a\r\nb\u001b[31m'),
    (error) => isInvalid(error) && /^[\x20-\x7e]*$/.test((error as Error).message),
  );
});
