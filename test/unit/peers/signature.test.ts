import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePeerAddress } from '../../../edge-agent/peers/peer-address.ts';
import {
  decodeFramesAnswer,
  encodeStates,
  framesPath,
  parsePeerPath,
} from '../../../edge-agent/peers/peer-messages.ts';
import { FRESH_SECONDS, isFromPeer, signPeerRequest } from '../../../edge-agent/peers/peer-signature.ts';

const key = Buffer.alloc(32, 'k');
const request = { method: 'GET', path: `/v1/disks/${'a'.repeat(64)}/index` };
const now = new Date('2026-11-25T12:00:00Z');
const after = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const signed = signPeerRequest(key, request, now);

test('a request counts for this method, this path, this key', () => {
  assert.ok(isFromPeer(key, request, signed, now));
  assert.ok(!isFromPeer(key, { ...request, method: 'HEAD' }, signed, now));
  assert.ok(!isFromPeer(key, { ...request, path: `${request.path}?` }, signed, now));
  assert.ok(!isFromPeer(Buffer.alloc(32, 'l'), request, signed, now));
  for (const text of [undefined, '', 'Edgeboot-Peer', signed.slice(0, -1), `${signed}0`, signed.toUpperCase()]) {
    assert.ok(!isFromPeer(key, request, text, now));
  }
});

test('a request counts for a minute, by clocks that are behind or ahead', () => {
  for (const seconds of [-FRESH_SECONDS, FRESH_SECONDS]) assert.ok(isFromPeer(key, request, signed, after(seconds)));
  for (const seconds of [-FRESH_SECONDS - 1, FRESH_SECONDS + 1]) {
    assert.ok(!isFromPeer(key, request, signed, after(seconds)));
  }
  const [, signature = ''] = signed.split('.');
  const renewed = `Edgeboot-Peer ${after(90).getTime() / 1000}.${signature}`;
  assert.ok(!isFromPeer(key, request, renewed, after(90)), 'the time is part of what is signed');
});

test('no path but those of disks is understood, and no more than a part at once', () => {
  const disk = '0f'.repeat(32);
  const question = { disk, firstFrame: 32, endFrame: 64 };
  assert.deepEqual(parsePeerPath(framesPath(question)), { disk, frames: { firstFrame: 32, endFrame: 64 } });
  const bad = [
    ...['0-33', '5-5', '6-5', '-1-5', '0-99999999'].map((frames) => `/v1/disks/${disk}/frames/${frames}`),
    ...[`/v1/disks/../${disk}/index`, `/v1/disks/${disk}/../index`, `/v1/disks/${disk}/index/`, '/', '*', ''],
    `/v1/disks/${disk.toUpperCase()}/index`,
  ];
  for (const path of bad) assert.equal(parsePeerPath(path), undefined, path);
});

test('an answer is what was asked for, to the byte', () => {
  const states = encodeStates(['here', 'absent', 'coming', 'here']);
  const rawSizes = [8, 8, 8, 3];
  const answer = decodeFramesAnswer(Buffer.concat([states, Buffer.alloc(11)]), 100, rawSizes);
  assert.deepEqual(
    [...answer.offsets],
    [
      [100, 4],
      [103, 12],
    ],
  );
  const none = { code: 'PART_UNAVAILABLE' };
  for (const lengthBytes of [0, 10, 12]) {
    assert.throws(() => decodeFramesAnswer(Buffer.concat([states, Buffer.alloc(lengthBytes)]), 100, rawSizes), none);
  }
  assert.throws(() => decodeFramesAnswer(Buffer.from([3, 0, 0, 0]), 100, rawSizes), none);
  assert.throws(() => decodeFramesAnswer(Buffer.alloc(0), 100, rawSizes), none);
});

test('a peer has a host and a port', () => {
  assert.deepEqual(parsePeerAddress('192.0.2.10:7070'), { host: '192.0.2.10', port: 7070 });
  assert.deepEqual(parsePeerAddress('[2001:db8::1]:1'), { host: '2001:db8::1', port: 1 });
  assert.deepEqual(parsePeerAddress('host-2.example.org:7070'), { host: 'host-2.example.org', port: 7070 });
  const bad = ['192.0.2.10', ':7070', '192.0.2.300:1', '2001:db8::1:1', 'a b:1', 'a/b:1', 'u@a:1', 'a:0', 'a:65536'];
  for (const text of bad) assert.equal(parsePeerAddress(text), undefined, text);
});
