/**
 * The network on which frontends are reached: a pool of addresses of the site's own, or NAT behind this host. Its settings, as the
 * operator writes them, become one plain description.
 */
import { FQDN } from '#shared/names.ts';
import * as z from 'zod';
import type { SiteLink } from '../ports.ts';
import { addressOf, numberOf, subnetOf } from './ipv4.ts';

/** What planning and booting need to know of it. */
export interface PublicNetwork {
  readonly link: SiteLink;
  /** One address of the pool goes to each cluster's frontend; both ends are in it. */
  readonly firstAddress: string;
  readonly lastAddress: string;
  readonly netmask: string;
  readonly gateway: string;
  readonly dnsServers: readonly string[];
  /** Frontends are called vc-<address>.<domain>, … */
  readonly domain: string;
  /** … unless their address has a name of its own. */
  readonly names: Readonly<Record<string, string>>;
  /**
   * DHCP and user data are served from an address of this network, one for each of the pool, counted from here; `undefined`: they
   * are not.
   */
  readonly userDataFirstAddress: string | undefined;
  /** Set where the network is the agent's own: it makes the bridge. */
  readonly nat: { readonly bridge: string } | undefined;
}

const STANDARD_LABEL = /^vc(?:-\d{1,3}){4}$/;

/** What the frontend at an address is called, unless the address has a name of its own. */
export const standardLabel = (address: string): string => `vc-${address.replaceAll('.', '-')}`;
export const labelOf = (fqdn: string): string => fqdn.split('.')[0] ?? fqdn;

const MAX_POOL_ADDRESSES = 65_536;
/** IFNAMSIZ less the closing zero. */
const BRIDGE_NAME = z
  .string()
  .regex(/^[a-z][a-z0-9._-]{0,14}$/i, 'must be the name of a bridge, at most 15 characters');
const LIBVIRT_NETWORK_NAME = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);

/** A network of the site that clusters may have an interface in. */
export const siteNetworkSchema = z
  .strictObject({
    libvirtNetwork: LIBVIRT_NETWORK_NAME.optional(),
    bridge: BRIDGE_NAME.optional(),
    /** `a.b.c.d/n`: nodes get addresses from here on; without it the guest gets an interface, and no address. */
    firstAddress: z.cidrv4().optional(),
  })
  .refine(
    ({ libvirtNetwork, bridge }) => (libvirtNetwork === undefined) !== (bridge === undefined),
    'name either libvirtNetwork or bridge',
  )
  .transform(({ libvirtNetwork, bridge, firstAddress }) => ({ link: linkTo(libvirtNetwork, bridge), firstAddress }));

const poolSchema = z
  .strictObject({
    /** The site's public network, by libvirt's name … */
    libvirtNetwork: LIBVIRT_NETWORK_NAME.optional(),
    /** … or a bridge of this host. One of the two. */
    bridge: BRIDGE_NAME.optional(),
    firstAddress: z.ipv4(),
    lastAddress: z.ipv4(),
    netmask: z.ipv4(),
    gateway: z.ipv4(),
    dnsServers: z.array(z.ipv4()).min(1),
    domain: FQDN,
    names: z.record(z.ipv4(), FQDN).default({}),
    userDataFirstAddress: z.ipv4().optional(),
  })
  .superRefine(checkPool);

function checkPool(network: z.infer<typeof poolSchema>, context: z.RefinementCtx): void {
  const refuse = (field: string, message: string): void => context.addIssue({ code: 'custom', path: [field], message });
  if ((network.libvirtNetwork === undefined) === (network.bridge === undefined)) {
    refuse('libvirtNetwork', 'name either libvirtNetwork or bridge');
  }
  const { firstAddress, lastAddress, gateway, netmask, userDataFirstAddress, names } = network;
  const [first, last, router, mask] = [firstAddress, lastAddress, gateway, netmask].map(numberOf) as [
    number,
    number,
    number,
    number,
  ];
  const inPool = (address: string): boolean => numberOf(address) >= first && numberOf(address) <= last;
  const outside = (address: number): boolean => (address & mask) >>> 0 !== (router & mask) >>> 0;
  if (last < first) refuse('lastAddress', 'must not come before firstAddress');
  if (last - first >= MAX_POOL_ADDRESSES)
    refuse('lastAddress', `makes a pool of more than ${MAX_POOL_ADDRESSES} addresses`);
  if (inPool(gateway)) refuse('gateway', 'must not be an address of the pool');
  if (outside(first) || outside(last)) refuse('netmask', "must put the pool into the gateway's network");
  for (const address of Object.keys(names)) {
    if (!inPool(address)) refuse('names', `${address} is not an address of the pool`);
  }
  // Commands know a cluster by its first label alone.
  const labels = Object.entries(names).map(([address, name]) => [address, labelOf(name)] as const);
  if (new Set(labels.map(([, label]) => label)).size < labels.length)
    refuse('names', 'must differ before the first dot');
  for (const [address, label] of labels) {
    if (STANDARD_LABEL.test(label) && label !== standardLabel(address)) {
      refuse('names', `${label} is what another address is called`);
    }
  }
  if (userDataFirstAddress === undefined) return;
  const begin = numberOf(userDataFirstAddress);
  const end = begin + (last - first);
  const clashes = (begin <= last && end >= first) || (router >= begin && router <= end);
  if (clashes || outside(begin) || outside(end))
    refuse('userDataFirstAddress', "must begin as many free addresses of the gateway's network as the pool has");
}

const natSchema = z.strictObject({
  nat: z.strictObject({
    bridge: BRIDGE_NAME.default('edgeboot-nat'),
    /** This host gets its first address; frontends those from the tenth on, up to the middle. */
    subnet: z
      .cidrv4()
      .refine((cidr) => Number(cidr.split('/')[1]) >= 16 && Number(cidr.split('/')[1]) <= 27, 'must be a /16 to /27')
      .default('192.168.151.0/24'),
    /** This host's own, unless given. */
    dnsServers: z.array(z.ipv4()).min(1).optional(),
    domain: FQDN.default('edgeboot.internal'),
  }),
});

/** Where this host knows none that a guest could reach. */
const PUBLIC_DNS_SERVERS = ['1.1.1.1', '9.9.9.9'];

/** @param hostDnsServers what this host itself asks: DNS for guests behind NAT, where the operator says nothing. */
export function publicNetworkSchema(hostDnsServers: readonly string[]) {
  const guestsCanReach = (server: string): boolean => z.ipv4().safeParse(server).success && !server.startsWith('127.');
  const known = hostDnsServers.filter(guestsCanReach);
  const dnsServers = known.length > 0 ? known : PUBLIC_DNS_SERVERS;
  const pool = poolSchema.transform(describePool);
  const nat = natSchema.transform(({ nat }) => describeNat({ ...nat, dnsServers: nat.dnsServers ?? dnsServers }));
  // Told apart by what the operator wrote, so that a wrong setting is named instead of both kinds.
  return z.unknown().transform((value, context): PublicNetwork => {
    const isNat = typeof value === 'object' && value !== null && 'nat' in value;
    const parsed = (isNat ? nat : pool).safeParse(value);
    if (parsed.success) return parsed.data;
    context.issues.push(...parsed.error.issues.map((issue) => ({ ...issue, input: value }) as z.core.$ZodRawIssue));
    return z.NEVER;
  });
}

function describePool(pool: z.infer<typeof poolSchema>): PublicNetwork {
  const { libvirtNetwork, bridge, userDataFirstAddress, ...rest } = pool;
  return { link: linkTo(libvirtNetwork, bridge), ...rest, userDataFirstAddress, nat: undefined };
}

/** One of them is there. */
function linkTo(libvirtNetwork: string | undefined, bridge = ''): SiteLink {
  return libvirtNetwork === undefined
    ? { kind: 'bridge', name: bridge }
    : { kind: 'libvirt-network', name: libvirtNetwork };
}

function describeNat(nat: {
  bridge: string;
  subnet: string;
  dnsServers: readonly string[];
  domain: string;
}): PublicNetwork {
  const { bridge, subnet, dnsServers, domain } = nat;
  const { base, netmask, last } = subnetOf(subnet);
  const host = (number: number): string => addressOf(base + number);
  const half = (last + 1 - base) / 2;
  return {
    link: { kind: 'bridge', name: bridge },
    firstAddress: host(10),
    lastAddress: host(half - 2),
    netmask,
    gateway: host(1),
    dnsServers,
    domain,
    names: {},
    userDataFirstAddress: host(half + 10),
    nat: { bridge },
  };
}
