import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planApplianceTask } from '../../edge-agent/core/appliance-task.ts';

const BLOCK = 4096;
const FILES = [
  { path: '/root/vc-out.xml', content: 'ä'.repeat(3000), mode: 0o600 },
  { path: '/root/empty', content: '', mode: 0o4755 },
  { path: '/root/last', content: 'last', mode: 0o644 },
];
const ORDERS = `4096 16384
aside /etc/udev/rules.d 70-persistent-net.rules
aside /etc/sysconfig/network-scripts ifcfg-eth*
write 600 6000 4 /root/vc-out.xml
write 4755 0 6 /root/empty
write 644 4 6 /root/last
look /usr/bin/cloud-init
`;
const SHOWN = `file 600 0:0 1 6000 /root/vc-out.xml
file 4755 0:0 1 0 /root/empty
file 644 0:0 1 4 /root/last
`;

/** The answer of an appliance that did all that. */
function answer(text: string): Buffer {
  const disk = planApplianceTask(FILES).disk;
  disk.fill(0, 0, 4 * BLOCK).write(text);
  return disk;
}

test('a task is its orders, and each content at a block of its own', () => {
  const { disk } = planApplianceTask(FILES);
  assert.equal(disk.length, 7 * BLOCK);
  assert.equal(disk.toString('utf8', 0, 4 * BLOCK).replace(/\0+$/, ''), ORDERS);
  assert.equal(disk.toString('utf8', 4 * BLOCK, 4 * BLOCK + 6000), 'ä'.repeat(3000));
  assert.equal(disk.toString('utf8', 6 * BLOCK, 6 * BLOCK + 4), 'last');
});

test('an answer counts when every file is there exactly as it was to be written', () => {
  const { readAnswer, disk } = planApplianceTask(FILES);
  assert.deepEqual(readAnswer(answer(`${SHOWN}done\n`)), { hasCloudInit: false });
  assert.deepEqual(readAnswer(answer(`${SHOWN}found /usr/bin/cloud-init\ndone\n`)), { hasCloudInit: true });

  const flipped = answer(`${SHOWN}done\n`);
  flipped.writeUInt8(flipped.readUInt8(5 * BLOCK) ^ 1, 5 * BLOCK);
  const trailing = answer(`${SHOWN}done\n`);
  trailing.writeUInt8(1, 7 * BLOCK - 1);
  const wrong = [
    flipped,
    trailing,
    answer(SHOWN),
    answer(`${SHOWN.replace(' 0:0 ', ' 1:0 ')}done\n`),
    answer(`${SHOWN.replace(' 600 ', ' 644 ')}done\n`),
    answer(`${SHOWN}done\nmore\n`),
    answer(`${SHOWN}done\n`).subarray(0, -1),
    Buffer.alloc(disk.length),
    Buffer.alloc(0),
    disk,
  ];
  for (const [i, bytes] of wrong.entries()) assert.equal(readAnswer(bytes), undefined, `wrong answer ${i}`);
});

test('only paths that we would ever write, and not too many', () => {
  assert.throws(() => planApplianceTask([{ path: '/root/a b', content: '', mode: 0o600 }]), /not a path/);
  const many = Array.from({ length: 1000 }, (_, i) => ({ path: `/root/file-${i}`, content: '', mode: 0o600 }));
  assert.throws(() => planApplianceTask(many), /too many/);
});
