/** Where an image's files may send the site. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { allowsAddress, parseHostRule, requireListedHost } from '../../../edge-agent/core/repository-hosts.ts';

const LIST = ['images.example.org', 'mirror.example.org:8080', 'campus.example=10.20.0.0/16', '[2600::1]:81'];

test('a host that is listed, at the port that is listed', () => {
  for (const address of [
    'http://images.example.org/vc',
    'https://images.example.org',
    'http://IMAGES.example.org:80/',
    'https://images.example.org:443/',
    'http://mirror.example.org:8080/x',
    'http://[2600:0::0001]:81/',
  ]) {
    assert.ok(requireListedHost(address, LIST), address);
  }
});

test('fault 57: no other host, port or scheme', () => {
  for (const address of [
    'http://example.org/',
    'http://evil.images.example.org/',
    'http://images.example.org.evil.test/',
    'http://images.example.org./',
    'http://images.example.org@evil.test/',
    'http://images.example.org:22/',
    'http://mirror.example.org/',
    'ftp://images.example.org/',
    'file:///etc/passwd',
    'file://images.example.org/etc/passwd',
    '/etc/passwd',
    'nonsense',
    '',
  ]) {
    assert.throws(() => requireListedHost(address, LIST), isForbidden, address);
  }
  assert.throws(() => requireListedHost('http://images.example.org/', []), isForbidden);
});

test('fault 57: this host by every name that an address has', () => {
  for (const host of [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '169.254.169.254',
    '2852039166',
    '[::ffff:a9fe:a9fe]',
    '[fd00:ec2::254]',
  ]) {
    assert.throws(() => requireListedHost(`http://${host}/latest/meta-data`, LIST), isForbidden, host);
  }
});

test('an address that the operator has listed is meant, wherever it lies, in any form', () => {
  assert.ok(requireListedHost('http://0x7f.1/', ['127.0.0.1']));
  assert.ok(requireListedHost('http://127.0.0.1:8080/', ['127.1:8080']));
  assert.ok(requireListedHost('http://[::1]/', ['[0::1]']));
  // It is listed, and its network excludes it.
  assert.throws(() => requireListedHost('http://127.0.0.1/', ['127.0.0.1=10.0.0.0/8']), isForbidden);
});

const SPECIAL = [
  ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1'],
  ...['172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
  ...['224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::ffff:127.0.0.1', '::ffff:93.184.216.34', '::7f00:1', '64:ff9b::7f00:1', '100::1', 'fc00::1'],
  ...[
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '5f00::1',
  ],
];

test('fault 57: special addresses are nobody that a listed host may be', () => {
  const rule = parseHostRule('images.example.org');
  for (const address of SPECIAL) assert.equal(allowsAddress(address, rule), false, address);
  for (const address of ['93.184.216.34', '172.32.0.1', '192.167.255.255', '223.255.255.255', '2600:1f18::1']) {
    assert.equal(allowsAddress(address, rule), true, address);
  }
});

test('an entry with a network allows its addresses, and no others', () => {
  const rule = parseHostRule('campus.example=10.20.0.0/16');
  assert.equal(allowsAddress('10.20.255.1', rule), true);
  for (const address of ['10.21.0.1', '127.0.0.1', '93.184.216.34', '::1']) {
    assert.equal(allowsAddress(address, rule), false, address);
  }
  assert.equal(allowsAddress('fd00::5', parseHostRule('campus.example:81=fd00::/64')), true);
});

test('entries that are none', () => {
  for (const entry of [
    ...['', ' ', 'http://images.example.org', 'images.example.org/vc', 'user@images.example.org', 'a b'],
    ...['images.example.org=', 'images.example.org=10.0.0.1', 'images.example.org=10.0.0.0/33', 'a=::/129', 'a=b/8'],
    ...['a=10.0.0.0/8=x', '*', '*.example.org', 'images.example.org?x', 'images.example.org#x', 'host:99999'],
  ]) {
    assert.throws(
      () => parseHostRule(entry),
      (error) => hasCode(error, 'INVALID_CONFIG'),
      entry,
    );
  }
});

const isForbidden = (error: unknown): boolean => hasCode(error, 'FORBIDDEN');
