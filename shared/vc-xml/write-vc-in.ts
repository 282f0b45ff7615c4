/**
 * Writes a `vc-in.xml` that the original tools read, old and new (formats, section 2): the older ones take the files from `<files>`,
 * the later ones from inside `<frontend>` and `<compute>`, so both are there. A raw disk lies beside the description under the name
 * that its domain gives it, which is the third kind.
 */
import { create } from 'xmlbuilder2';
import type { DiskFile, PrivateNetworkWish } from './vc-in.ts';

export interface VcInNode {
  readonly memoryMiB: number;
  readonly cpus: number;
  /** A disk of type gzip has one part, `<filename>.gz`: that is where the original's gunzip leaves the disk. */
  readonly disk: DiskFile;
}

export interface VcInDocument {
  /** Of the virtual cluster; the domains are named after it. */
  readonly name: string;
  /** The original's driver for guests of this kind. */
  readonly driver: string;
  readonly frontend: VcInNode;
  /** Left out where the computes boot from the frontend's disk. */
  readonly compute?: VcInNode;
  /** How long the original waits for the frontend before it starts the computes. */
  readonly computeWaitSeconds: number;
  readonly privateNetwork: PrivateNetworkWish;
}

type Element = ReturnType<ReturnType<typeof create>['ele']>;

/** The bridges that the original's hosts had; it replaces them by its own. */
const PRIVATE_BRIDGE = 'private';
const PUBLIC_BRIDGE = 'public';

export function writeVcIn(cluster: VcInDocument): string {
  const { frontend, compute, privateNetwork } = cluster;
  const vc = create({ version: '1.0', encoding: 'UTF-8' }).ele('vc', { version: '0.1' });
  vc.ele('virtualization', { engine: 'kvm', type: 'hvm', arch: 'x86_64' });
  vc.ele('driver').txt(cluster.driver);

  const frontendElement = vc.ele('frontend');
  writeDomain(frontendElement, `${cluster.name}-frontend`, frontend, [PRIVATE_BRIDGE, PUBLIC_BRIDGE]);
  writeFile(frontendElement, frontend.disk);
  if (compute !== undefined) {
    const computeElement = vc.ele('compute');
    const wait = { type: 'clock', value: String(cluster.computeWaitSeconds) };
    computeElement.ele('boot_dependency', { parent: 'frontend' }).ele('wait', wait);
    writeDomain(computeElement, `${cluster.name}-compute`, compute, [PRIVATE_BRIDGE]);
    writeFile(computeElement, compute.disk);
  }

  const networks = vc.ele('networks');
  const network = networks.ele('network', { name: 'private' });
  network.ele('ipaddress').txt(privateNetwork.address);
  network.ele('netmask').txt(privateNetwork.netmask);
  networks.ele('frontend').ele('public').txt('eth1');

  const files = vc.ele('files');
  writeFile(files, frontend.disk);
  if (compute !== undefined && compute.disk.filename !== frontend.disk.filename) writeFile(files, compute.disk);
  return `${vc.end({ prettyPrint: true })}\n`;
}

function writeDomain(parent: Element, name: string, node: VcInNode, bridges: readonly string[]): void {
  const domain = parent.ele('domain', { type: 'kvm' });
  domain.ele('name').txt(name);
  domain.ele('memory', { unit: 'KiB' }).txt(String(node.memoryMiB * 1024));
  domain.ele('vcpu').txt(String(node.cpus));
  const os = domain.ele('os');
  os.ele('type', { arch: 'x86_64' }).txt('hvm');
  os.ele('boot', { dev: 'hd' });
  const features = domain.ele('features');
  for (const feature of ['acpi', 'apic', 'pae']) features.ele(feature);
  const devices = domain.ele('devices');
  const disk = devices.ele('disk', { type: 'file', device: 'disk' });
  disk.ele('driver', { name: 'qemu', type: 'raw' });
  disk.ele('source', { file: node.disk.filename });
  disk.ele('target', { dev: 'vda', bus: 'virtio' });
  for (const bridge of bridges) {
    const element = devices.ele('interface', { type: 'bridge' });
    element.ele('source', { bridge });
    element.ele('model', { type: 'virtio' });
  }
  devices.ele('serial', { type: 'pty' });
  devices.ele('console', { type: 'pty' });
}

function writeFile(parent: Element, { type, filename, parts }: DiskFile): void {
  const file = parent.ele('file', { type, filename });
  for (const part of parts) file.ele('part').txt(part);
}
