/** The libvirt XML of one node's domain. Built from our own plan alone: nothing of an image's description goes in as it came. */
import { create } from 'xmlbuilder2';
import * as z from 'zod';
import type { ClusterIdentity, Hardware, HostDescription, NodeInterface, NodePlan } from '../ports.ts';
import { buildCheckedXml } from './checked-xml.ts';
import { nodeMetadata } from './libvirt-metadata.ts';
import { domainName, networkName, stableUuid } from './libvirt-names.ts';
import { checkNodePlan, PCI_SLOTS, READY_PORT_NAME } from './node-machine.ts';

type Element = Record<string, unknown>;

/** @throws EdgebootError INVALID_CONFIG for a node that cannot be made. */
export function buildDomainXml(
  cluster: ClusterIdentity,
  node: NodePlan,
  acceleration: HostDescription['acceleration'],
): string {
  checkNodePlan(node);
  const { siteId, deploymentId } = cluster;
  const { diskBus, nicModel } = node.hardware;
  return buildCheckedXml({
    domain: {
      '@type': acceleration === 'kvm' ? 'kvm' : 'qemu',
      name: domainName(deploymentId, node.name),
      uuid: stableUuid(deploymentId, `node/${node.name}`),
      metadata: nodeMetadata({ siteId, deploymentId, name: node.name, role: node.role }),
      memory: { '@unit': 'MiB', '#': node.memoryMiB },
      vcpu: { '@placement': 'static', '#': node.cpus },
      os: { type: { '@arch': 'x86_64', '@machine': 'pc', '#': 'hvm' }, boot: { '@dev': 'hd' } },
      features: { acpi: {}, apic: {} },
      // A cluster never moves to another host while it runs: the guest may use every feature of this one.
      cpu: { '@mode': acceleration === 'kvm' ? 'host-passthrough' : 'maximum' },
      clock: { '@offset': 'utc' },
      on_poweroff: 'destroy',
      on_reboot: 'restart',
      on_crash: 'destroy',
      devices: {
        disk: [systemDisk(node), ...(node.seedFile === undefined ? [] : [seed(node.seedFile, diskBus)])],
        interface: node.interfaces.map((nic, i) =>
          networkInterface(deploymentId, nic, nicModel, PCI_SLOTS.firstInterface + i),
        ),
        controller: [
          { '@type': 'usb', '@model': 'none' },
          ...diskController(diskBus),
          { '@type': 'virtio-serial', '@index': 0, ...pciAddress(PCI_SLOTS.virtioSerial) },
        ],
        // A socket that QEMU listens on: what a guest says while nobody listens is dropped, so no file can grow without bound.
        serial: { '@type': 'unix', ...listen(node.consoleSocket), target: { '@port': 0 } },
        console: { '@type': 'unix', ...listen(node.consoleSocket), target: { '@type': 'serial', '@port': 0 } },
        channel: {
          '@type': 'unix',
          ...listen(node.readySocket),
          target: { '@type': 'virtio', '@name': READY_PORT_NAME },
        },
        rng: {
          '@model': 'virtio',
          backend: { '@model': 'random', '#': '/dev/urandom' },
          ...pciAddress(PCI_SLOTS.random),
        },
        video: { model: { '@type': 'none' } },
        memballoon: { '@model': 'none' },
      },
    },
  });
}

/** Both formats are named: a guest could otherwise write a header into its raw disk that points at files of the host. */
function systemDisk(node: NodePlan): Element {
  const { diskBus } = node.hardware;
  return {
    '@type': 'file',
    '@device': 'disk',
    driver: { '@name': 'qemu', '@type': 'qcow2', '@discard': 'unmap', '@detect_zeroes': 'unmap' },
    source: { '@file': node.overlayFile },
    backingStore: {
      '@type': 'file',
      format: { '@type': 'raw' },
      // Shared by many nodes: libvirt must not hand it over to one of them.
      source: { '@file': node.backingFile, seclabel: { '@model': 'dac', '@relabel': 'no' } },
      backingStore: {},
    },
    target: { '@dev': `${DEVICE_PREFIX[diskBus]}a`, '@bus': diskBus },
    ...(diskBus === 'virtio' ? pciAddress(PCI_SLOTS.disk) : driveAddress(0)),
  };
}

/** On the bus that the guest has drivers for: kernels made for clouds know virtio and nothing else. */
function seed(seedFile: string, diskBus: Hardware['diskBus']): Element {
  return {
    '@type': 'file',
    '@device': diskBus === 'virtio' ? 'disk' : 'cdrom',
    driver: { '@name': 'qemu', '@type': 'raw' },
    source: { '@file': seedFile },
    backingStore: {},
    target: { '@dev': `${DEVICE_PREFIX[diskBus]}b`, '@bus': diskBus },
    readonly: {},
    ...(diskBus === 'virtio' ? pciAddress(PCI_SLOTS.seed) : driveAddress(1)),
  };
}

const DEVICE_PREFIX = { virtio: 'vd', ide: 'hd', sata: 'sd', scsi: 'sd' } as const;

/** IDE is the chipset's own. For `scsi`, LSI's is what a description means that names no model. */
function diskController(diskBus: Hardware['diskBus']): Element[] {
  const address = pciAddress(PCI_SLOTS.disk);
  if (diskBus === 'sata') return [{ '@type': 'sata', '@index': 0, ...address }];
  if (diskBus === 'scsi') return [{ '@type': 'scsi', '@index': 0, '@model': 'lsilogic', ...address }];
  return [];
}

function networkInterface(deploymentId: string, nic: NodeInterface, nicModel: string, slot: number): Element {
  const { link } = nic;
  return {
    '@type': link.kind === 'bridge' ? 'bridge' : 'network',
    mac: { '@address': nic.macAddress },
    source:
      link.kind === 'bridge'
        ? { '@bridge': link.name }
        : { '@network': link.kind === 'private' ? networkName(deploymentId) : link.name },
    model: { '@type': nicModel },
    // Nodes boot from their disk: no network boot firmware in the guest.
    rom: { '@enabled': 'no' },
    ...pciAddress(slot),
  };
}

function pciAddress(slot: number): Element {
  const address = { '@type': 'pci', '@domain': 0, '@bus': 0, '@slot': slot, '@function': 0 };
  return { address };
}

/** The n-th disk of the first controller: SCSI and SATA count units, IDE has two to a channel. */
function driveAddress(unit: number): Element {
  const address = { '@type': 'drive', '@controller': 0, '@bus': 0, '@target': 0, '@unit': unit };
  return { address };
}

function listen(socketPath: string): Element {
  return { source: { '@mode': 'bind', '@path': socketPath } };
}

const macSchema = z.looseObject({ mac: z.looseObject({ '@address': z.string() }) });
const domainSchema = z.object({
  domain: z.looseObject({
    devices: z.looseObject({ interface: z.union([macSchema.transform((nic) => [nic]), z.array(macSchema)]) }),
  }),
});

/** @returns none for a domain without interfaces. */
export function readMacAddresses(domainXml: string): string[] {
  const parsed = domainSchema.safeParse(create(domainXml).end({ format: 'object' }));
  return parsed.data?.domain.devices.interface.map(({ mac }) => mac['@address']) ?? [];
}
