/**
 * Extra interfaces on the frontend and every compute (formats, section 6: `net[:cidr],…`). Their networks are the site's, shared by
 * clusters: addresses count up from the CIDR's, past those that other clusters hold.
 */
import { EdgebootError } from '#shared/errors.ts';
import { NETWORK_NAME } from '#shared/names.ts';
import * as z from 'zod';
import type { SiteLink } from '../ports.ts';
import { addressOf, numberOf, type Subnet, subnetOf } from './ipv4.ts';
import type { ClusterPlan, PlanRequest } from './plan-cluster.ts';

export interface ExtraNetwork {
  readonly network: string;
  /** `a.b.c.d/n`: the first address to give. Without it the guest gets an interface, and no address. */
  readonly cidr: string | undefined;
}

/** What a federation's members may have at this site, by the operator's names. */
export type SiteNetworks = Readonly<
  Record<string, { readonly link: SiteLink; readonly firstAddress?: string | undefined }>
>;

/** Names that mean something else in a guest's document. */
const RESERVED = new Set(['public', 'private', 'node']);
const CIDR = z.cidrv4();

/** A name that a network cannot have in a guest's document. */
export const isReservedNetworkName = (name: string): boolean => RESERVED.has(name);

/** The networks that a member names; addresses come from where the operator says. Throws FORBIDDEN where the site offers none of the name. */
export function offeredNetworks(
  names: readonly string[],
  offered: SiteNetworks,
): { networks: ExtraNetwork[]; linkOf: (network: string) => SiteLink } {
  const find = (name: string): SiteNetworks[string] => {
    const network = Object.hasOwn(offered, name) ? offered[name] : undefined;
    if (network !== undefined) return network;
    const known = Object.keys(offered).join(', ') || 'none';
    throw new EdgebootError('FORBIDDEN', `the site has no network ${name} for clusters; it has ${known}`, {
      step: 'allocate',
      remedy: "Ask for another one, or ask the site's operators for it.",
    });
  };
  const networks = names.map((network) => ({ network, cidr: find(network).firstAddress }));
  return { networks, linkOf: (name) => find(name).link };
}

/** Throws USAGE. */
export function parseExtraNetworks(text: string): ExtraNetwork[] {
  const networks = text.split(',').map((item) => {
    const [network = '', cidr, ...rest] = item.trim().split(':');
    const isRight = NETWORK_NAME.safeParse(network).success && (cidr === undefined || CIDR.safeParse(cidr).success);
    if (!isRight || rest.length > 0) throw notRight(item);
    if (isReservedNetworkName(network)) throw notRight(item, `${network} is a name of the cluster's own`);
    return { network, cidr };
  });
  if (new Set(networks.map(({ network }) => network)).size < networks.length)
    throw notRight(text, 'a name comes twice');
  return networks;
}

function notRight(item: string, why = 'it is no NETWORK[:CIDR]'): EdgebootError {
  return new EdgebootError('USAGE', `${JSON.stringify(item)} is no list of extra interfaces: ${why}`, {
    remedy: 'For example: --add-iface storage:10.5.0.0/24,backup',
  });
}

/**
 * @param linkOf what a network of that name is at this site.
 * @param taken the clusters that hold addresses already.
 * @throws EdgebootError NO_CAPACITY where a network has no addresses left.
 */
export function planExtraInterfaces(
  networks: readonly ExtraNetwork[],
  nodeCount: number,
  linkOf: (network: string) => SiteLink,
  taken: readonly ClusterPlan[],
): NonNullable<PlanRequest['extraInterfaces']> {
  return networks.map(({ network, cidr }) => {
    const link = linkOf(network);
    if (cidr === undefined) return () => ({ network, link });
    const held = taken.flatMap(({ nodes }) => nodes.flatMap((node) => node.extraInterfaces));
    const used = new Set(held.filter((one) => one.network === network).map((one) => one.address));
    const subnet = subnetOf(cidr);
    const addresses = countUp(cidr, subnet, nodeCount, used);
    return (node) => ({ network, link, address: addresses[node] ?? '', netmask: subnet.netmask });
  });
}

function countUp(cidr: string, { base, last }: Subnet, count: number, used: ReadonlySet<string | undefined>): string[] {
  const given = numberOf(cidr.split('/')[0] ?? '');
  const addresses: string[] = [];
  for (let number = given === base ? base + 1 : given; number < last && addresses.length < count; number++) {
    if (!used.has(addressOf(number))) addresses.push(addressOf(number));
  }
  if (addresses.length === count) return addresses;
  throw new EdgebootError('NO_CAPACITY', `${cidr} has no ${count} addresses left`, { step: 'allocate' });
}
