import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { readFirstPartition, readPartitionTable, type DiskReader } from '#shared/image/partition-table.ts';

const SECTOR_BYTES = 512;

interface Entry {
  readonly type: number;
  readonly startSector: number;
  readonly sectorCount: number;
}

/** A boot record with up to four entries. */
function bootRecord(...entries: readonly Entry[]): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  entries.forEach(({ type, startSector, sectorCount }, i) => {
    const at = 446 + i * 16;
    sector.writeUInt8(type, at + 4);
    sector.writeUInt32LE(startSector, at + 8);
    sector.writeUInt32LE(sectorCount, at + 12);
  });
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** A disk given by some of its sectors; everything else is zero. */
function diskOf(sectors: Readonly<Record<number, Buffer>>, sizeBytes = 1024 * 1024): DiskReader {
  const disk = Buffer.alloc(sizeBytes);
  for (const [number, content] of Object.entries(sectors)) content.copy(disk, Number(number) * SECTOR_BYTES);
  return (offset, length) => Promise.resolve(disk.subarray(offset, offset + length));
}

const LINUX_TYPE = Buffer.from('af3dc60f838472478e793d69d8477de4', 'hex');

function gpt(entryCount: number, firstSector: bigint, lastSector: bigint): Record<number, Buffer> {
  const header = Buffer.alloc(SECTOR_BYTES);
  header.write('EFI PART', 'latin1');
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(entryCount, 80);
  header.writeUInt32LE(128, 84);
  const entry = Buffer.alloc(128);
  LINUX_TYPE.copy(entry);
  entry.writeBigUInt64LE(firstSector, 32);
  entry.writeBigUInt64LE(lastSector, 40);
  const protective = bootRecord({ type: 0xee, startSector: 1, sectorCount: 2047 });
  return { 0: protective, 1: header, 2: entry };
}

const refused = (error: unknown): boolean => hasCode(error, 'IMAGE_NOT_COMPLIANT');

test('formats §1: primary partitions keep their number, unused entries are left out', async () => {
  const read = diskOf({
    0: bootRecord(
      { type: 0x83, startSector: 2048, sectorCount: 100 },
      { type: 0, startSector: 0, sectorCount: 0 },
      { type: 0x8e, startSector: 4096, sectorCount: 8 },
    ),
  });
  assert.deepEqual(await readPartitionTable(read), {
    kind: 'mbr',
    partitions: [
      { number: 1, offsetBytes: 2048 * 512, sizeBytes: 100 * 512, type: '83' },
      { number: 3, offsetBytes: 4096 * 512, sizeBytes: 8 * 512, type: '8e' },
    ],
  });
  assert.equal((await readFirstPartition(read)).offsetBytes, 2048 * 512);
});

test('logical partitions count from their own record, their chain from the extended partition', async () => {
  const { partitions } = await readPartitionTable(
    diskOf({
      0: bootRecord({ type: 0x05, startSector: 100, sectorCount: 500 }),
      100: bootRecord({ type: 0x83, startSector: 10, sectorCount: 20 }, { type: 5, startSector: 50, sectorCount: 60 }),
      150: bootRecord({ type: 0x82, startSector: 1, sectorCount: 5 }),
    }),
  );
  assert.deepEqual(
    partitions.map(({ number, offsetBytes, type }) => [number, offsetBytes / 512, type]),
    [
      [5, 110, '83'],
      [6, 151, '82'],
    ],
  );
});

test('formats §1: GPT entries carry their type and their extent', async () => {
  assert.deepEqual(await readPartitionTable(diskOf(gpt(4, 34n, 133n))), {
    kind: 'gpt',
    partitions: [
      { number: 1, offsetBytes: 34 * 512, sizeBytes: 100 * 512, type: '0fc63daf-8483-4772-8e79-3d69d8477de4' },
    ],
  });
});

test('tables that cannot be true are refused', async () => {
  const loop = { 0: bootRecord({ type: 5, startSector: 100, sectorCount: 500 }) };
  const record = bootRecord(
    { type: 0x83, startSector: 1, sectorCount: 1 },
    { type: 5, startSector: 0, sectorCount: 9 },
  );
  const noHeader = { 0: bootRecord({ type: 0xee, startSector: 1, sectorCount: 9 }) };
  const disks: Record<string, DiskReader> = {
    'no signature': diskOf({}),
    'an empty disk': diskOf({}, 0),
    'a chain that loops': diskOf({ ...loop, 100: record }),
    'a chain beyond the end': diskOf({ 0: bootRecord({ type: 5, startSector: 1e6, sectorCount: 9 }) }),
    'a damaged chain': diskOf(loop),
    'no GPT header': diskOf(noHeader),
    'too many GPT entries': diskOf(gpt(100_000, 34n, 40n)),
    'GPT entries beyond the end': diskOf(gpt(1024, 34n, 40n), 4096),
    'a GPT partition without extent': diskOf(gpt(4, 40n, 34n)),
    'a GPT partition beyond any disk': diskOf(gpt(4, 34n, 2n ** 63n)),
    'a partition over the table': diskOf({ 0: bootRecord({ type: 0x83, startSector: 0, sectorCount: 9 }) }),
  };
  for (const [what, read] of Object.entries(disks)) await assert.rejects(readPartitionTable(read), refused, what);
  await assert.rejects(readFirstPartition(diskOf({ 0: bootRecord() })), refused);
});
