/** What the benchmark says of a process, held against a process that is known to use so much. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure } from '../../bench/works/measure.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const NODE = process.execPath;
const MIB = 1024 * 1024;

/** Holds 100 MiB and burns half a second of CPU time, then says so. */
const PROGRAM = `
const held = Buffer.alloc(100 * 1024 * 1024, 1);
const used = ({ user, system }) => user + system;
while (used(process.cpuUsage()) < 500_000);
console.log(held.length);
`;

test('memory of processes that run at once adds up, and so does their CPU time', async () => {
  await using folder = await createTemporaryFolder();
  const one = await measure({ file: NODE, args: ['-e', PROGRAM], directory: folder.path });
  assert.equal(one.stdout, `${100 * MIB}\n`);
  const { cost } = one;
  assert.ok(cost.peakRssBytes > 100 * MIB && cost.peakRssBytes < 250 * MIB, `${cost.peakRssBytes} bytes`);
  assert.ok(cost.cpuSeconds >= 0.5 && cost.cpuSeconds < 2, `${cost.cpuSeconds} s`);

  const both = ['-c', '"$0" -e "$1" | "$0" -e "$1"', NODE, PROGRAM];
  const two = await measure({ file: 'sh', args: both, directory: folder.path });
  assert.ok(two.cost.peakRssBytes > 200 * MIB, `${two.cost.peakRssBytes} bytes`);
  assert.ok(two.cost.cpuSeconds >= 1, `${two.cost.cpuSeconds} s`);
});

test('a pipeline that fails is no measurement', async () => {
  await using folder = await createTemporaryFolder();
  const failing = { file: 'sh', args: ['-c', 'echo broken >&2; exit 3'], directory: folder.path };
  await assert.rejects(measure(failing), /ended with 3:\nbroken/);
});
