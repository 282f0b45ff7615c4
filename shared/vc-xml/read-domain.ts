/**
 * What a libvirt domain in a description tells about its guest. The domain itself goes nowhere: emulator, host devices, networks and
 * file paths in it are never used (formats, section 2).
 */
import type { XmlElement } from './bounded-xml.ts';
import { attributeOf, childrenOf, notCompliant, onlyAt, quoted, wholeNumber } from './elements.ts';
import type { GuestHardware, VirtualNode } from './vc-in.ts';

export interface DescribedDomain extends VirtualNode {
  /** As the domain has it, for the disk that the guest boots from; `undefined` where the domain has no disk. */
  readonly diskSource: string | undefined;
}

const MAX_CPUS = 4096;
const MAX_MEMORY_BYTES = 64 * 1024 ** 4;
/** libvirt's units of memory: powers of 1000 are spelled KB, MB …, all others are powers of 1024. */
const UNIT_BYTES: Readonly<Record<string, number>> = {
  ...{ b: 1, bytes: 1 },
  ...{ KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ k: 1024, KiB: 1024, M: 1024 ** 2, MiB: 1024 ** 2, G: 1024 ** 3, GiB: 1024 ** 3, T: 1024 ** 4, TiB: 1024 ** 4 },
};

/** @param role for messages. Throws IMAGE_NOT_COMPLIANT. */
export function readDomain(domain: XmlElement, role: string): DescribedDomain {
  requirePlatform(domain, role);
  const vcpu = onlyAt(domain, 'vcpu');
  const disk = onlyDisk(domain, role);
  const interfaces = childrenOf(onlyAt(domain, 'devices'), 'interface');
  return {
    memoryMiB: readMemoryMiB(onlyAt(domain, 'memory'), role),
    cpus: vcpu === undefined ? undefined : wholeNumber(vcpu.text, `CPUs of the ${role}`, 1, MAX_CPUS),
    hardware: { diskBus: diskBusOf(disk), nicModel: nicModelOf(interfaces[0]) },
    interfaceCount: interfaces.length,
    diskSource: disk && sourceOf(disk, role),
  };
}

function requirePlatform(domain: XmlElement, role: string): void {
  const type = onlyAt(domain, 'os', 'type');
  requireEqual(attributeOf(domain, 'type'), 'kvm', `engine of the ${role}`);
  requireEqual(type?.text, 'hvm', `virtualization type of the ${role}`);
  requireEqual(attributeOf(type, 'arch'), 'x86_64', `architecture of the ${role}`);
}

/** What is not said is not wrong. Throws IMAGE_NOT_COMPLIANT. */
export function requireEqual(found: string | undefined, standard: string, what: string): void {
  if (found === undefined || found === standard) return;
  throw notCompliant(`The ${what} is ${quoted(found)}; images run on ${standard} only.`);
}

function readMemoryMiB(memory: XmlElement | undefined, role: string): number | undefined {
  if (memory === undefined) return undefined;
  const unit = attributeOf(memory, 'unit') ?? 'KiB';
  const unitBytes = Object.hasOwn(UNIT_BYTES, unit) ? UNIT_BYTES[unit] : undefined;
  if (unitBytes === undefined) throw notCompliant(`The memory of the ${role} has the unknown unit ${quoted(unit)}.`);
  const most = Math.floor(MAX_MEMORY_BYTES / unitBytes);
  const bytes = wholeNumber(memory.text, `memory of the ${role} in ${unit}`, 1, most) * unitBytes;
  return Math.ceil(bytes / 1024 ** 2);
}

/** The standard has one disk image per node; drives for CDs and floppies do not count. */
function onlyDisk(domain: XmlElement, role: string): XmlElement | undefined {
  const isDisk = (disk: XmlElement): boolean => (attributeOf(disk, 'device') ?? 'disk') === 'disk';
  const disks = childrenOf(onlyAt(domain, 'devices'), 'disk').filter(isDisk);
  if (disks.length > 1) throw notCompliant(`The ${role} has ${disks.length} disks; the image standard has one.`);
  return disks[0];
}

function sourceOf(disk: XmlElement, role: string): string {
  const file = attributeOf(onlyAt(disk, 'source'), 'file');
  if (file !== undefined) return file;
  throw notCompliant(`The disk of the ${role} is no file: it needs <source file=…>.`);
}

function diskBusOf(disk: XmlElement | undefined): GuestHardware['diskBus'] {
  const target = disk && onlyAt(disk, 'target');
  // Where the bus is not said, libvirt takes it from the device's name.
  const byName = { h: 'ide', s: 'scsi' }[attributeOf(target, 'dev')?.[0] ?? ''];
  const bus = attributeOf(target, 'bus') ?? byName;
  return bus === 'ide' || bus === 'sata' || bus === 'scsi' ? bus : 'virtio';
}

function nicModelOf(first: XmlElement | undefined): GuestHardware['nicModel'] {
  const model = attributeOf(first && onlyAt(first, 'model'), 'type');
  return model === 'e1000' || model === 'rtl8139' ? model : 'virtio';
}
