import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const DISK_BYTES = 4 * MIB;
const PARTITION_OFFSET = MIB;
const PARTITION_BYTES = 2 * MIB;

type Write = readonly [offsetBytes: number, bytes: string | readonly number[]];

function createDisk(writes: readonly Write[], sizeBytes = DISK_BYTES): Buffer {
  const disk = Buffer.alloc(sizeBytes);
  for (const [offsetBytes, bytes] of writes) {
    Buffer.from(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes).copy(disk, offsetBytes);
  }
  return disk;
}

/** One primary partition of type 83, one MiB from the start. */
function withMbr(writes: readonly Write[], lengthSectors = PARTITION_BYTES / 512): Buffer {
  const disk = createDisk(writes.map(([at, bytes]) => [PARTITION_OFFSET + at, bytes]));
  disk.writeUInt8(0x83, 446 + 4);
  disk.writeUInt32LE(PARTITION_OFFSET / 512, 446 + 8);
  disk.writeUInt32LE(lengthSectors, 446 + 12);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

function inspect(disk: Buffer) {
  return inspectDisk(
    (offsetBytes, lengthBytes) => Promise.resolve(disk.subarray(offsetBytes, offsetBytes + lengthBytes)),
    disk.length,
  );
}
async function failuresOf(disk: Buffer): Promise<string> {
  return (await inspect(disk))
    .filter(({ ok }) => !ok)
    .map(({ rule, message }) => `${rule}: ${message}`)
    .join('\n');
}

const EXT_MAGIC: Write = [1024 + 56, [0x53, 0xef]];
const accepted: readonly (readonly [string, readonly Write[]])[] = [
  ['ext2', [EXT_MAGIC]],
  ['ext3', [EXT_MAGIC, [1024 + 92, [0x4]]]],
  ['ext4', [EXT_MAGIC, [1024 + 92, [0x4]], [1024 + 96, [0x40]]]],
  ['xfs', [[0, 'XFSB']]],
];
for (const [name, writes] of accepted) {
  test(`formats §1: the first partition may hold ${name}`, async () => {
    const findings = await inspect(withMbr(writes));
    assert.deepEqual(
      findings.map(({ rule, ok }) => [rule, ok]),
      [
        ['size', true],
        ['raw-format', true],
        ['partition-table', true],
        ['root-file-system', true],
      ],
    );
    assert.equal(findings.at(-1)?.message, `the first partition holds ${name}`);
    requireCompliant(findings);
  });
}

const MD_MAGIC = [0xfc, 0x4e, 0x2b, 0xa9];
const refused: readonly (readonly [string, readonly Write[]])[] = [
  ['LVM physical volume', [[512, 'LABELONE']]],
  ['LUKS', [[0, 'LUKS\xba\xbe']]],
  ['MD RAID', [[4096, MD_MAGIC]]],
  ['MD RAID', [[0, MD_MAGIC]]],
  // A mirror of the old kinds has a whole file system at its start.
  ['MD RAID', [EXT_MAGIC, [PARTITION_BYTES - 64 * KIB, MD_MAGIC]]],
  ['MD RAID', [EXT_MAGIC, [PARTITION_BYTES - 8 * KIB, MD_MAGIC]]],
  ['ZFS', [[128 * KIB + 5 * KIB, [0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0]]]],
  ['ZFS', [[384 * KIB + 3 * KIB, [0, 0, 0, 0, 0, 0xba, 0xb1, 0x0c]]]],
  ['btrfs', [[0x10040, '_BHRfS_M']]],
  ['swap space', [[4086, 'SWAPSPACE2']]],
  ['swap space', [[65_526, 'SWAPSPACE2']]],
  ['NTFS', [[3, 'NTFS    ']]],
  ['FAT', [[82, 'FAT32   ']]],
  ['journal', [EXT_MAGIC, [1024 + 96, [0x8]]]],
  ['no file system', []],
];
for (const [name, writes] of refused) {
  test(`formats §1: the first partition is refused by name: ${name} ${JSON.stringify(writes)}`, async () => {
    const findings = await inspect(withMbr(writes));
    assert.match(await failuresOf(withMbr(writes)), new RegExp(`^root-file-system: .*${name}`));
    assert.throws(
      () => requireCompliant(findings),
      (error) => hasCode(error, 'IMAGE_NOT_COMPLIANT') && error.message.includes(name),
    );
  });
}

const containers: readonly (readonly [string, Write])[] = [
  ['qcow2', [0, 'QFI\xfb']],
  ['VMDK', [0, 'KDMV']],
  ['VMDK', [0, '# Disk DescriptorFile']],
  ['VDI', [64, [0x7f, 0x10, 0xda, 0xbe]]],
  ['VHDX', [0, 'vhdxfile']],
  ['VHD', [DISK_BYTES - 512, 'conectix']],
  ['ISO 9660', [32_769, 'CD001']],
  ['gzip', [0, [0x1f, 0x8b]]],
  ['xz', [0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]]],
  ['zstd', [0, [0x28, 0xb5, 0x2f, 0xfd]]],
];
for (const [name, write] of containers) {
  test(`formats §1: a file that is no raw disk is refused by its content: ${name}`, async () => {
    assert.match(await failuresOf(createDisk([write])), new RegExp(`^raw-format: .*${name}`));
  });
}

test('a disk without a partition table: told what it is as a whole', async () => {
  assert.match(await failuresOf(createDisk([EXT_MAGIC])), /^partition-table: .*it holds ext2/);
  assert.match(await failuresOf(createDisk([[512, 'LABELONE']])), /^partition-table: .*an LVM physical volume/);
});

test('a partition beyond the end of the disk is refused', async () => {
  assert.match(await failuresOf(withMbr([EXT_MAGIC], DISK_BYTES / 512)), /beyond the end/);
});

test('whatever is broken, it is said what to do: of the last rule, which explains the others', async () => {
  const [format] = (await inspect(createDisk([[0, 'QFI\xfb']], DISK_BYTES + 1))).slice(-1);
  assert.match(format?.remedy ?? '', /edgeboot image import/);
  const remedies = await Promise.all(
    refused.map(async ([name, writes]) => [name, (await inspect(withMbr(writes))).at(-1)?.remedy ?? ''] as const),
  );
  for (const [name, remedy] of remedies) assert.match(remedy, /\.$/, name);
  assert.ok(remedies.every(([name, remedy]) => !name.startsWith('LVM') || remedy.includes('LVM')));
  const odd = await inspect(createDisk([[0, 'QFI\xfb']], DISK_BYTES + 1));
  assert.throws(
    () => requireCompliant(odd),
    (error) => hasCode(error, 'IMAGE_NOT_COMPLIANT') && error.remedy === format?.remedy && /512/.test(error.message),
  );
});

test('sizes: nothing, an odd one', async () => {
  assert.match(await failuresOf(Buffer.alloc(0)), /size: the disk is empty/);
  assert.match(await failuresOf(Buffer.alloc(1000)), /size: .*1000 bytes.*512/);
});

test('hostile tables: every prefix of a disk is judged, none breaks the inspection', async () => {
  const disk = withMbr([EXT_MAGIC]);
  for (const sizeBytes of [1, 100, 511, 512, 513, 1024, 4096, PARTITION_OFFSET, PARTITION_OFFSET + 1024]) {
    assert.notEqual(await failuresOf(disk.subarray(0, sizeBytes)), '');
  }
});
