/** The arguments of QEMU for one node: the machine that domain-xml.ts describes to libvirt, told to QEMU itself. */
import type { ClusterIdentity, Hardware, HostDescription, NodePlan } from '../ports.ts';
import { domainName, stableUuid } from './libvirt-names.ts';
import { PCI_SLOTS, READY_PORT_NAME } from './node-machine.ts';

/** What QEMU is given open. Sockets listen already. */
export interface OpenFiles {
  readonly monitor: number;
  readonly console: number;
  readonly ready: number;
  /** One per interface, in their order. */
  readonly taps: readonly number[];
}

/** The first two arguments and their values say whose process it is: {@link readProcessMark}. */
export function qemuArguments(
  cluster: ClusterIdentity,
  node: NodePlan,
  acceleration: HostDescription['acceleration'],
  files: OpenFiles,
): string[] {
  const { deploymentId } = cluster;
  const isKvm = acceleration === 'kvm';
  return [
    ...['-name', `guest=${domainName(deploymentId, node.name)}`],
    ...['-uuid', stableUuid(deploymentId, `node/${node.name}`)],
    // No devices but ours, no configuration of the host's; and no system call beyond a running machine's need.
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', `pc,accel=${isKvm ? 'kvm' : 'tcg'},usb=off,dump-guest-core=off`],
    ...['-cpu', isKvm ? 'host' : 'max'],
    ...['-m', `${node.memoryMiB}M`],
    ...['-smp', `cpus=${node.cpus},sockets=${node.cpus},cores=1,threads=1`],
    ...['-rtc', 'base=utc', '-boot', 'strict=on'],
    ...['-chardev', `socket,id=monitor,fd=${files.monitor},server=on,wait=off`, '-mon', 'chardev=monitor,mode=control'],
    ...['-chardev', `socket,id=console,fd=${files.console},server=on,wait=off`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=ready,fd=${files.ready},server=on,wait=off`],
    ...device({ driver: 'virtio-serial-pci', addr: slot(PCI_SLOTS.virtioSerial) }),
    ...device({ driver: 'virtserialport', chardev: 'ready', name: READY_PORT_NAME }),
    ...option('-object', { 'qom-type': 'rng-random', id: 'random', filename: '/dev/urandom' }),
    ...device({ driver: 'virtio-rng-pci', rng: 'random', addr: slot(PCI_SLOTS.random) }),
    ...systemDisk(node),
    ...(node.seedFile === undefined ? [] : seed(node.seedFile, node.hardware.diskBus)),
    ...node.interfaces.flatMap(({ macAddress }, i) => [
      ...option('-netdev', { type: 'tap', id: `nic${i}`, fd: String(files.taps[i]) }),
      ...device({
        driver: NIC_DRIVER[node.hardware.nicModel],
        ...{ netdev: `nic${i}`, mac: macAddress, addr: slot(PCI_SLOTS.firstInterface + i) },
        // Nodes boot from their disk: no network boot firmware in the guest.
        romfile: '',
      }),
    ]),
  ];
}

export interface ProcessMark {
  readonly domain: string;
  readonly uuid: string;
}

/**
 * @param commandLine of any process of the host: QEMU's own, or that of the program that becomes QEMU.
 * @returns `undefined` unless it was made by {@link qemuArguments}.
 */
export function readProcessMark(commandLine: readonly string[]): ProcessMark | undefined {
  const [, domain, , uuid] = commandLine.slice(commandLine.indexOf('-name'));
  if (uuid === undefined || domain?.startsWith('guest=') !== true) return undefined;
  return { domain: domain.slice('guest='.length), uuid };
}

const NIC_DRIVER = { virtio: 'virtio-net-pci', e1000: 'e1000', rtl8139: 'rtl8139' } as const;

/** Every format is named, nothing is probed, and what the overlay's header says of its backing file is not believed. */
function systemDisk(node: NodePlan): string[] {
  const base = { driver: 'file', filename: node.backingFile };
  const overlay = { driver: 'file', filename: node.overlayFile, discard: 'unmap' };
  const disk = {
    ...{ driver: 'qcow2', 'node-name': 'disk', file: overlay, discard: 'unmap', 'detect-zeroes': 'unmap' },
    backing: { driver: 'raw', 'read-only': true, file: base },
  };
  return [...option('-blockdev', disk), ...diskController(node.hardware.diskBus), ...diskDevice(node.hardware.diskBus)];
}

function diskController(diskBus: Hardware['diskBus']): string[] {
  const at = { id: diskBus, addr: slot(PCI_SLOTS.disk) };
  if (diskBus === 'sata') return device({ driver: 'ahci', ...at });
  if (diskBus === 'scsi') return device({ driver: 'lsi53c895a', ...at });
  return [];
}

function diskDevice(diskBus: Hardware['diskBus']): string[] {
  const common = { drive: 'disk', bootindex: 1 };
  switch (diskBus) {
    case 'virtio':
      return device({ driver: 'virtio-blk-pci', addr: slot(PCI_SLOTS.disk), ...common });
    case 'ide':
      return device({ driver: 'ide-hd', bus: 'ide.0', unit: 0, ...common });
    case 'sata':
      return device({ driver: 'ide-hd', bus: 'sata.0', ...common });
    case 'scsi':
      return device({ driver: 'scsi-hd', bus: 'scsi.0', 'scsi-id': 0, ...common });
  }
}

function seed(seedFile: string, diskBus: Hardware['diskBus']): string[] {
  const file = { driver: 'file', filename: seedFile };
  const disk = option('-blockdev', { driver: 'raw', 'node-name': 'seed', 'read-only': true, file });
  const drive = { drive: 'seed' };
  switch (diskBus) {
    case 'virtio':
      return [...disk, ...device({ driver: 'virtio-blk-pci', addr: slot(PCI_SLOTS.seed), ...drive })];
    case 'ide':
      return [...disk, ...device({ driver: 'ide-cd', bus: 'ide.0', unit: 1, ...drive })];
    case 'sata':
      return [...disk, ...device({ driver: 'ide-cd', bus: 'sata.1', ...drive })];
    case 'scsi':
      return [...disk, ...device({ driver: 'scsi-cd', bus: 'scsi.0', 'scsi-id': 1, ...drive })];
  }
}

const slot = (number: number): string => `0x${number.toString(16)}`;
const device = (properties: object): string[] => option('-device', properties);
/** As JSON: a comma in a path is no separator there. */
const option = (name: string, properties: object): string[] => [name, JSON.stringify(properties)];
