/** Agents of one site over real sockets: what one has, or is fetching, the others do not fetch from the edge. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { test } from 'node:test';
import { PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { createSampleDisk, type SampleDisk } from '../../helpers/sample-disk.ts';
import { createSite } from '../../helpers/site-agents.ts';

const signal = AbortSignal.timeout(60_000);
const digestOf = async (file: string): Promise<string> => {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) digest.update(chunk as Buffer);
  return digest.digest('hex');
};
const sameAs = async (file: string, { rawFile }: SampleDisk) =>
  assert.equal(await digestOf(file), await digestOf(rawFile));

test('what a peer has complete comes from it alone, frame index and all', async () => {
  await using site = await createSite();
  const first = await site.addAgent([]);
  await sameAs((await site.fetchAll(first, signal)).file, site.edge.sample);
  const before = site.edgeBytes();

  const second = await site.addAgent([first.address]);
  const { file, report } = await site.fetchAll(second, signal);
  await sameAs(file, site.edge.sample);
  assert.equal(site.edgeBytes(), before);
  assert.deepEqual([report.fetchedBytes, report.totalBytes, report.reusedBytes], [0, 0, 0]);
  assert.ok(report.peerBytes > 0);
  assert.deepEqual(second.leftOut, []);
});

test('what a peer has in part counts, too', async () => {
  await using site = await createSite();
  const first = await site.addAgent([]);
  const { images } = first;
  const { sample, source } = site.edge;
  const image = { disk: sample.disk, imageId: '01JD0000000000000000000000', label: { name: 'sample' }, source, signal };
  {
    await using opened = await images.open(image);
    await opened.image.read(0, 1024, signal);
  }
  const second = await site.addAgent([first.address]);
  const { file, report } = await site.fetchAll(second, signal);
  await sameAs(file, sample);
  assert.equal(report.peerBytes, 256 * 1024, 'the frame that the first one has read');
  assert.ok(report.fetchedBytes > 0 && report.fetchedBytes === report.totalBytes);
});

/** Small parts, so that a test has many. */
const manyParts = async (directory: string): Promise<SampleDisk> => {
  const pieces = Array.from({ length: 24 }, (_, i) => ({
    offsetBytes: i * PART_SIZE_BYTES,
    lengthBytes: 200_000,
    content: 'noise' as const,
  }));
  return createSampleDisk(directory, 24 * PART_SIZE_BYTES, pieces);
};

for (const number of [2, 3]) {
  test(`${number} agents that begin together take about one copy from the edge`, async (context) => {
    await using site = await createSite({ sample: manyParts });
    const agents = await site.addAgents(number);
    const fetched = await Promise.all(agents.map((agent) => site.fetchAll(agent, signal)));
    for (const { file } of fetched) await sameAs(file, site.edge.sample);
    const oneCopy = site.edge.sample.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const copies = fetched.reduce((sum, { report }) => sum + report.fetchedBytes, 0) / oneCopy;
    context.diagnostic(`${copies.toFixed(3)} copies for ${number} agents`);
    // Two who ask each other for the same part at the same moment both fetch it: of so few parts that is a share.
    assert.ok(copies < 1.5, `${copies} copies`);
    assert.ok(
      fetched.every(({ report }) => report.peerBytes > 0),
      'each has had something of the others',
    );
    for (const { leftOut } of agents) assert.deepEqual(leftOut, []);
  });
}
