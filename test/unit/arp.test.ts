import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildArpRequest, parseArpProbe, parseArpSender } from '../../edge-agent/core/arp.ts';

const SENDER = { macAddress: '02:ab:cd:ef:00:09', address: '10.1.255.254' };
const request = (): Buffer => buildArpRequest(SENDER, '10.1.1.1');

test('a request is laid out as RFC 826 says', () => {
  const expected = '0001 0800 06 04 0001 02abcdef0009 0a01fffe 000000000000 0a010101';
  assert.equal(request().toString('hex'), expected.replaceAll(' ', ''));
});

test('the sender of a request, a reply and an announcement is read, padding or not', () => {
  assert.deepEqual(parseArpSender(request()), SENDER);
  const reply = request();
  reply.writeUInt16BE(2, 6);
  assert.deepEqual(parseArpSender(Buffer.concat([reply, Buffer.alloc(18, 0xff)])), SENDER);
  assert.deepEqual(parseArpSender(buildArpRequest(SENDER, SENDER.address)), SENDER);
});

test('whoever has no address yet is no sender', () => {
  assert.equal(parseArpSender(buildArpRequest({ ...SENDER, address: '0.0.0.0' }, SENDER.address)), undefined);
});

test('a probe says which address its sender wants to use; nothing else is one', () => {
  const probe = buildArpRequest({ ...SENDER, address: '0.0.0.0' }, '10.1.1.1');
  assert.deepEqual(parseArpProbe(probe), { macAddress: SENDER.macAddress, address: '10.1.1.1' });
  assert.equal(parseArpProbe(request()), undefined);
  assert.equal(parseArpProbe(probe.subarray(1)), undefined);
  probe.writeUInt16BE(2, 6);
  assert.equal(parseArpProbe(probe), undefined);
});

test('what is no ARP for IPv4 over Ethernet is nobody’s, and harms nobody', () => {
  const packet = request();
  for (let lengthBytes = 0; lengthBytes < packet.length; lengthBytes++) {
    assert.equal(parseArpSender(packet.subarray(0, lengthBytes)), undefined);
  }
  // Hardware, protocol, the lengths of their addresses, operation: RARP, for one.
  for (const [offset, value] of [
    [1, 6],
    [2, 0x86],
    [4, 255],
    [5, 16],
    [7, 0],
    [7, 3],
    [6, 1],
  ] as const) {
    const forged = request();
    forged.writeUInt8(value, offset);
    assert.equal(parseArpSender(forged), undefined, `byte ${offset} is ${value}`);
  }
});
