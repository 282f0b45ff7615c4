/**
 * A site's public network for the demo and the tests: one shared NAT network of libvirt's, whose names and addresses are checked to
 * be free before anything is made. Guests have static addresses: no DHCP and no DNS server run on it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address4 } from 'ip-address';
import { create } from 'xmlbuilder2';
import { EdgebootError } from '#shared/errors.ts';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';

export interface PublicNetworkOptions {
  /** libvirt's name for it. */
  readonly name: string;
  /** At most 15 characters. */
  readonly bridge: string;
  /** The host's own address on the network, which is the guests' gateway. */
  readonly gatewayAddress: string;
  readonly netmask: string;
}

export interface PublicNetwork {
  /** Nothing there is fine. */
  remove(): Promise<void>;
}

/**
 * The network is gone when libvirtd's host is restarted: it is made without a lasting definition.
 * @param uri of libvirt, for example `qemu:///system`.
 * @throws EdgebootError INVALID_CONFIG when the name, the bridge or the subnet is in use, BOOT_FAILED with libvirt's words.
 */
export async function createPublicNetwork(uri: string, options: PublicNetworkOptions): Promise<PublicNetwork> {
  const virsh = ['--quiet', '--connect', uri];
  const names = (await runCommandOrThrow('virsh', [...virsh, 'net-list', '--all', '--name'])).split('\n');
  if (names.includes(options.name)) throw inUse(`the libvirt network ${options.name} exists already`);
  await requireFree(options);
  const directory = await mkdtemp(join(tmpdir(), 'edgeboot-network-'));
  try {
    const file = join(directory, 'network.xml');
    await writeFile(file, networkXml(options));
    const { exitCode, stderr } = await runCommand('virsh', [...virsh, 'net-create', file]);
    if (exitCode !== 0) {
      throw new EdgebootError('BOOT_FAILED', `the public network ${options.name} cannot be made: ${stderr.trim()}`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return {
    remove: async () => {
      await runCommand('virsh', [...virsh, 'net-destroy', options.name]);
    },
  };
}

function networkXml(options: PublicNetworkOptions): string {
  return create({
    network: {
      name: options.name,
      forward: { '@mode': 'nat' },
      bridge: { '@name': options.bridge, '@stp': 'off', '@delay': '0' },
      dns: { '@enable': 'no' },
      ip: { '@address': options.gatewayAddress, '@netmask': options.netmask },
    },
  }).end();
}

async function requireFree(options: PublicNetworkOptions): Promise<void> {
  const wanted = subnetOf(options.gatewayAddress, options.netmask);
  // `ip` also lists interfaces that are down or have no address.
  const links = await runCommandOrThrow('ip', ['-oneline', 'link', 'show']);
  if (links.split('\n').some((line) => line.split(/:\s+|@/)[1] === options.bridge)) {
    throw inUse(`an interface ${options.bridge} exists already`);
  }
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { family, cidr } of addresses ?? []) {
      if (family === 'IPv4' && cidr !== null && overlap(wanted, new Address4(cidr))) {
        throw inUse(`${wanted.address} overlaps with the network of ${name}`);
      }
    }
  }
  for (const route of await listRoutes()) {
    if (overlap(wanted, route)) throw inUse(`${wanted.address} overlaps with the route to ${route.address}`);
  }
}

/** Every IPv4 route but the default one, from the kernel's main table. */
async function listRoutes(): Promise<Address4[]> {
  const lines = (await runCommandOrThrow('ip', ['-4', '-oneline', 'route', 'show'])).split('\n');
  return lines.flatMap((line) => {
    const [destination = ''] = line.split(' ');
    return Address4.isValid(destination) ? [new Address4(destination)] : [];
  });
}

function subnetOf(address: string, netmask: string): Address4 {
  const octets = Address4.isValid(netmask) ? netmask.split('.').map(Number) : [];
  const bits = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const subnet = `${address}/${bits.replaceAll('0', '').length}`;
  if (!/^1+0*$/.test(bits) || !Address4.isValid(subnet)) {
    throw new EdgebootError('INVALID_CONFIG', `not a subnet: ${address} ${netmask}`);
  }
  return new Address4(subnet);
}

function overlap(a: Address4, b: Address4): boolean {
  return a.isInSubnet(b) || b.isInSubnet(a);
}

function inUse(what: string): EdgebootError {
  return new EdgebootError('INVALID_CONFIG', what, {
    remedy: 'Choose another name or subnet, or remove what is there.',
  });
}
