/**
 * Reads `vc-in.xml`, the description of a virtual cluster, in the three kinds that are in the field (formats, section 2): files
 * listed in `<files>`, files inside `<frontend>` and `<compute>`, and none at all. It comes from whoever runs the repository:
 * nothing in it is trusted, and of the domains in it only a few facts are kept.
 */
import { isIPv4 } from 'node:net';
import { boundedText } from '../log-fields.ts';
import { parseBoundedXml, type XmlElement } from './bounded-xml.ts';
import { attributeOf, childrenOf, descendantsOf, notCompliant, onlyAt, quoted, wholeNumber } from './elements.ts';
import { findDiskFile } from './read-disk-files.ts';
import { readDomain, requireEqual } from './read-domain.ts';
import type {
  BootDependency,
  ComputeNode,
  DiskFile,
  PrivateNetworkWish,
  VirtualCluster,
  VirtualNode,
} from './vc-in.ts';

const MAX_DRIVER_CHARACTERS = 100;
const MAX_WAIT_SECONDS = 24 * 3600;

/** Throws IMAGE_NOT_COMPLIANT, saying what is wrong, and nothing else. */
export function readVcIn(bytes: Uint8Array): VirtualCluster {
  const vc = parseBoundedXml(bytes);
  if (vc.name !== 'vc')
    throw notCompliant(`The description begins with <${boundedText(vc.name).slice(0, 100)}>, not with <vc>.`);
  requireStandardPlatform(vc);
  const files = childrenOf(onlyAt(vc, 'files'), 'file');
  const driver = onlyAt(vc, 'driver')?.text;
  return {
    driver: driver ? boundedText(driver).slice(0, MAX_DRIVER_CHARACTERS) : undefined,
    frontend: readFrontend(vc, files),
    compute: readCompute(vc, files),
    bootDependency: readBootDependency(vc),
    privateNetwork: readPrivateNetwork(vc),
  };
}

function requireStandardPlatform(vc: XmlElement): void {
  const virtualization = onlyAt(vc, 'virtualization');
  if (virtualization === undefined) throw notCompliant('The description does not say for which platform it is.');
  requireEqual(attributeOf(virtualization, 'engine') ?? '', 'kvm', 'virtualization engine');
  requireEqual(attributeOf(virtualization, 'type') ?? '', 'hvm', 'virtualization type');
  requireEqual(attributeOf(virtualization, 'arch') ?? '', 'x86_64', 'architecture');
}

function readFrontend(vc: XmlElement, files: readonly XmlElement[]): VirtualCluster['frontend'] {
  const element = onlyAt(vc, 'frontend');
  if (element === undefined) throw notCompliant('The description has no frontend.');
  const { node, disk } = readNode(element, files);
  if (node === undefined) throw notCompliant('The frontend of the description has no domain.');
  if (disk === undefined) throw notCompliant('The frontend of the description has no disk.');
  return { ...node, disk };
}

function readCompute(vc: XmlElement, files: readonly XmlElement[]): ComputeNode | undefined {
  const element = onlyAt(vc, 'compute');
  const { node, disk } = element === undefined ? {} : readNode(element, files);
  return node && { ...node, disk };
}

function readNode(
  element: XmlElement,
  files: readonly XmlElement[],
): { readonly node?: VirtualNode; readonly disk?: DiskFile | undefined } {
  const domain = onlyAt(element, 'domain');
  if (domain === undefined) return {};
  const { diskSource, ...node } = readDomain(domain, element.name);
  const inside = descendantsOf(element, 'file');
  return { node, disk: diskSource === undefined ? undefined : findDiskFile(diskSource, inside, files, element.name) };
}

function readBootDependency(vc: XmlElement): BootDependency | undefined {
  const element = onlyAt(vc, 'compute', 'boot_dependency');
  if (element === undefined) return undefined;
  const clock = childrenOf(element, 'wait').find((wait) => attributeOf(wait, 'type') === 'clock');
  const value = attributeOf(clock, 'value');
  if (value === undefined) return { waitSeconds: undefined };
  return { waitSeconds: wholeNumber(value, 'seconds to wait for the frontend', 0, MAX_WAIT_SECONDS) };
}

function readPrivateNetwork(vc: XmlElement): PrivateNetworkWish | undefined {
  const networks = childrenOf(onlyAt(vc, 'networks'), 'network');
  const element = networks.find((network) => attributeOf(network, 'name') === 'private');
  if (element === undefined) return undefined;
  const address = onlyAt(element, 'ipaddress')?.text;
  const netmask = onlyAt(element, 'netmask')?.text;
  if (address === undefined || netmask === undefined) return undefined;
  if (!isIPv4(address) || !isNetmask(netmask)) {
    throw notCompliant(`The description's private network is none: ${quoted(`${address}/${netmask}`)}.`);
  }
  return { address, netmask };
}

/** Ones, then zeros. */
function isNetmask(netmask: string): boolean {
  if (!isIPv4(netmask)) return false;
  const bits = netmask.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0'));
  return /^1+0*$/.test(bits.join(''));
}
