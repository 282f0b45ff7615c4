import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskFile } from '#shared/vc-xml/vc-in.ts';
import { parseBoundedXml, type XmlElement } from '#shared/vc-xml/bounded-xml.ts';
import { readVcIn } from '#shared/vc-xml/read-vc-in.ts';
import { type VcInDocument, writeVcIn } from '#shared/vc-xml/write-vc-in.ts';

const disk = (type: DiskFile['type'], filename: string, parts: readonly string[]): DiskFile => ({
  type,
  filename,
  parts,
});

const CLUSTER: VcInDocument = {
  name: 'rocks-sge',
  driver: 'rocks6_client',
  frontend: {
    ...{ memoryMiB: 2048, cpus: 2 },
    disk: disk('splited_gzip', 'frontend.vda', ['frontend.vda.gz.aa', 'frontend.vda.gz.ab']),
  },
  compute: { memoryMiB: 1024, cpus: 4, disk: disk('gzip', 'compute.vda', ['compute.vda.gz']) },
  computeWaitSeconds: 300,
  privateNetwork: { address: '10.1.1.1', netmask: '255.255.0.0' },
};

test('formats §2: what is written reads back, for each type', () => {
  const files = [
    disk('raw', 'frontend.vda', ['frontend.vda']),
    disk('gzip', 'frontend.vda', ['frontend.vda.gz']),
    disk('splited', 'frontend.vda', ['frontend.vda.aa', 'frontend.vda.ab']),
    CLUSTER.frontend.disk,
  ];
  for (const file of files) {
    const { driver, frontend, compute, bootDependency, privateNetwork } = readVcIn(
      Buffer.from(writeVcIn({ ...CLUSTER, frontend: { ...CLUSTER.frontend, disk: file } })),
    );
    assert.deepEqual(
      { memoryMiB: frontend.memoryMiB, cpus: frontend.cpus, disk: frontend.disk },
      {
        ...CLUSTER.frontend,
        disk: file,
      },
    );
    assert.deepEqual([frontend.interfaceCount, compute?.interfaceCount], [2, 1]);
    assert.deepEqual(compute?.disk, CLUSTER.compute?.disk);
    assert.deepEqual([driver, bootDependency], ['rocks6_client', { waitSeconds: 300 }]);
    assert.deepEqual(privateNetwork, CLUSTER.privateNetwork);
  }
});

test('formats §2: it is of all kinds at once: each generation of the original finds its elements', () => {
  const vc = parseBoundedXml(Buffer.from(writeVcIn(CLUSTER)));
  const child = (element: XmlElement | undefined, ...names: string[]): XmlElement | undefined =>
    names.reduce((at, name) => at?.children.find((candidate) => candidate.name === name), element);
  // Older: ./files/file with its parts, the disk by its name.
  const listed = child(vc, 'files')?.children.map(({ attributes, children }) => [
    attributes,
    children.map((part) => part.text),
  ]);
  assert.deepEqual(
    listed?.map(([attributes, parts]) => [{ ...(attributes as object) }, parts]),
    [
      [{ type: 'splited_gzip', filename: 'frontend.vda' }, ['frontend.vda.gz.aa', 'frontend.vda.gz.ab']],
      [{ type: 'gzip', filename: 'compute.vda' }, ['compute.vda.gz']],
    ],
  );
  // Later: driver, source and file inside of each node.
  for (const node of ['frontend', 'compute']) {
    const device = child(vc, node, 'domain', 'devices', 'disk');
    assert.deepEqual({ ...child(device, 'driver')?.attributes }, { name: 'qemu', type: 'raw' });
    assert.equal(child(device, 'source')?.attributes['file'], `${node}.vda`);
    assert.ok(child(vc, node, 'file', 'part'));
  }
  assert.equal(child(vc, 'virtualization')?.attributes['arch'], 'x86_64');
});

test('computes that boot from the frontend’s disk have no section', () => {
  const { name, driver, frontend, computeWaitSeconds, privateNetwork } = CLUSTER;
  const alone = writeVcIn({ name, driver, frontend, computeWaitSeconds, privateNetwork });
  assert.equal(readVcIn(Buffer.from(alone)).compute, undefined);
});

test('fault 49: metacharacters stay text', () => {
  const name = `a"'<b>&]]>`;
  const vc = readVcIn(Buffer.from(writeVcIn({ ...CLUSTER, name, driver: name })));
  assert.equal(vc.driver, name);
  assert.equal(vc.frontend.interfaceCount, 2);
});
