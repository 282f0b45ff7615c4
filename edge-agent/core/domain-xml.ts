/** The libvirt XML of one node's domain. Built from our own plan alone: nothing of an image's description goes in as it came. */
import { create } from 'xmlbuilder2';
import { EdgebootError } from '#shared/errors.ts';
import type { ClusterIdentity, HostDescription, NodeInterface, NodePlan } from '../ports.ts';
import { nodeMetadata } from './libvirt-metadata.ts';
import { domainName, networkName, stableUuid } from './libvirt-names.ts';

/** Where each device sits on the PCI bus: guests name interfaces by this order, private first, public second. */
const FIRST_INTERFACE_SLOT = 3;
const DISK_SLOT = 10;
const VIRTIO_SERIAL_SLOT = 11;
const RANDOM_SLOT = 12;
const MAX_INTERFACES = DISK_SLOT - FIRST_INTERFACE_SLOT;

/** The guest kit's port. */
export const READY_PORT_NAME = 'org.edgeboot.ready';

/** Size of `sun_path` in Linux, with its closing zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** @throws EdgebootError INVALID_CONFIG when a socket's path is too long for the kernel. */
export function buildDomainXml(
  cluster: ClusterIdentity,
  node: NodePlan,
  acceleration: HostDescription['acceleration'],
): string {
  const { siteId, deploymentId } = cluster;
  if (node.interfaces.length > MAX_INTERFACES) {
    throw new EdgebootError('INVALID_CONFIG', `a node has at most ${MAX_INTERFACES} interfaces`);
  }
  return create({
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
        disk: disk(node),
        interface: node.interfaces.map((nic, i) => networkInterface(deploymentId, nic, FIRST_INTERFACE_SLOT + i)),
        controller: [
          { '@type': 'usb', '@model': 'none' },
          { '@type': 'virtio-serial', '@index': 0, ...pciAddress(VIRTIO_SERIAL_SLOT) },
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
          ...pciAddress(RANDOM_SLOT),
        },
        video: { model: { '@type': 'none' } },
        memballoon: { '@model': 'none' },
      },
    },
  }).end({ prettyPrint: true });
}

/** Both formats are named: a guest could otherwise write a header into its raw disk that points at files of the host. */
function disk(node: NodePlan): Record<string, unknown> {
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
    target: { '@dev': 'vda', '@bus': 'virtio' },
    ...pciAddress(DISK_SLOT),
  };
}

function networkInterface(deploymentId: string, nic: NodeInterface, slot: number): Record<string, unknown> {
  return {
    '@type': 'network',
    mac: { '@address': nic.macAddress },
    source: { '@network': nic.network === 'private' ? networkName(deploymentId) : nic.libvirtNetwork },
    model: { '@type': 'virtio' },
    // Nodes boot from their disk: no network boot firmware in the guest.
    rom: { '@enabled': 'no' },
    ...pciAddress(slot),
  };
}

function pciAddress(slot: number): Record<string, unknown> {
  const address = { '@type': 'pci', '@domain': 0, '@bus': 0, '@slot': slot, '@function': 0 };
  return { address };
}

function listen(socketPath: string): Record<string, unknown> {
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
    throw new EdgebootError('INVALID_CONFIG', `the path of a socket is too long for the kernel: ${socketPath}`, {
      remedy: 'Choose a state directory with a shorter path.',
    });
  }
  return { source: { '@mode': 'bind', '@path': socketPath } };
}
