/**
 * Looks into a disk of another format before QEMU does: told by its content, never by its name. What would make QEMU open a further
 * file, or wants a password, is refused by name. Layouts: QEMU's docs/interop/qcow2.txt; VMware's Virtual Disk Format 1.1.
 */
import { EdgebootError } from '#shared/errors.ts';
import { identifyContainer } from '#shared/image/disk-content.ts';
import type { DiskReader } from '#shared/image/partition-table.ts';

/** By QEMU's names. */
export type SourceFormat = 'qcow2' | 'vmdk';

const SECTOR_BYTES = 512;
const QCOW2_HEADER_BYTES = 104;
const QCOW2_CORRUPT = 0x2n;
const QCOW2_EXTERNAL_DATA = 0x4n;
const VMDK_HEADER_BYTES = 80;
/** More is no descriptor: a few lines of text. */
const MAX_DESCRIPTOR_BYTES = 64 * 1024;
const NO_PARENT = 'ffffffff';

/** Throws IMAGE_NOT_COMPLIANT. */
export async function identifySource(read: DiskReader, sizeBytes: number): Promise<SourceFormat> {
  const magic = (await read(0, 4)).toString('latin1');
  if (magic === 'QFI\xfb') {
    checkQcow2(await read(0, QCOW2_HEADER_BYTES));
    return 'qcow2';
  }
  if (magic === 'KDMV') {
    await checkVmdk(read);
    return 'vmdk';
  }
  throw await unknownFormat(read, sizeBytes, magic);
}

function checkQcow2(header: Buffer): void {
  if (header.length < QCOW2_HEADER_BYTES) throw refused('the qcow2 header is cut off', COPY_AGAIN);
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3)
    throw refused(`it is qcow2 of version ${version}, which is unknown`, CONVERT_ELSEWHERE);
  if (header.readBigUInt64BE(8) !== 0n) {
    throw refused('it has a backing file: it holds only what differs from another disk', FLATTEN);
  }
  if (header.readUInt32BE(32) !== 0) throw refused('it is encrypted', DECRYPT);
  if (version === 2) return;
  const incompatible = header.readBigUInt64BE(72);
  if ((incompatible & QCOW2_EXTERNAL_DATA) !== 0n) throw refused('its data lies in an external data file', FLATTEN);
  if ((incompatible & QCOW2_CORRUPT) !== 0n) throw refused('it is marked as corrupt', REPAIR);
}

/** monolithicSparse and streamOptimized: one file, with a descriptor inside. */
async function checkVmdk(read: DiskReader): Promise<void> {
  const header = await read(0, VMDK_HEADER_BYTES);
  if (header.length < VMDK_HEADER_BYTES) throw refused('the VMDK header is cut off', COPY_AGAIN);
  // Then the descriptor names the files that hold the disk.
  if (header.readBigUInt64LE(12) === 0n) throw refused('it is a VMDK whose data lies in other files', FLATTEN_VMDK);
  const offsetBytes = Number(header.readBigUInt64LE(28)) * SECTOR_BYTES;
  const lengthBytes = Number(header.readBigUInt64LE(36)) * SECTOR_BYTES;
  if (lengthBytes > MAX_DESCRIPTOR_BYTES) throw refused('the descriptor of the VMDK is too long', CONVERT_ELSEWHERE);
  const descriptor = (await read(offsetBytes, lengthBytes)).toString('latin1');
  if (!descriptor.includes('createType')) {
    throw refused('it is one of the files that a VMDK is made of, without its descriptor', FLATTEN_VMDK);
  }
  const valueOf = (key: string): string | undefined =>
    new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*"?([^"\\r\\n]*)`, 'im').exec(descriptor)?.[1]?.trim();
  const parent = valueOf('parentCID')?.toLowerCase() ?? NO_PARENT;
  if (parent !== NO_PARENT || valueOf('parentFileNameHint') !== undefined) {
    throw refused('it has a parent: it holds only what differs from another disk', FLATTEN_VMDK);
  }
  if (/^[ \t]*encryption/im.test(descriptor)) throw refused('it is encrypted', DECRYPT);
  const extents = descriptor.match(/^[ \t]*(?:RW|RDONLY|NOACCESS)[ \t]/gim) ?? [];
  if (extents.length > 1) throw refused('it is a VMDK whose data lies in several files', FLATTEN_VMDK);
}

async function unknownFormat(read: DiskReader, sizeBytes: number, magic: string): Promise<EdgebootError> {
  const container = await identifyContainer(read, sizeBytes);
  if (container === undefined) {
    return refused('it is a raw disk already, or of no format that is known', 'Check it with edgeboot image inspect.');
  }
  if (container === 'a VMDK descriptor' || magic === 'COWD') {
    return refused(`it is ${container}: its data lies in other files`, FLATTEN_VMDK);
  }
  const isCompressed = container.endsWith('-compressed') || container === 'a zip archive';
  return refused(
    `it is ${container}`,
    isCompressed ? 'Decompress it, then import what was inside.' : CONVERT_ELSEWHERE,
  );
}

const COPY_AGAIN = 'Copy it again from where it came from.';
const CONVERT_ELSEWHERE = 'Convert it where it was made: qemu-img convert -f FORMAT -O raw, if you trust it.';
const FLATTEN = 'Make one file of it where it was made: qemu-img convert -f qcow2 -O qcow2 OLD NEW. Then import that.';
const FLATTEN_VMDK =
  'Make one file of it where it was made: qemu-img convert -f vmdk -O qcow2 OLD.vmdk NEW.qcow2, or export it as an OVA. ' +
  'Then import that.';
const DECRYPT = 'Decrypt it where it was made; an image is protected on its way by its signature and its grants.';
const REPAIR = 'Repair it where it was made: qemu-img check -r all. Look at what was lost, then import it.';

function refused(what: string, remedy: string): EdgebootError {
  return new EdgebootError('IMAGE_NOT_COMPLIANT', `the disk cannot be imported: ${what}`, { remedy });
}
