/**
 * The second channel (formats, section 5: DHCP, then `http://<server>/latest/user-data`), as texts for the programs that serve it.
 * Only a cluster's own nodes are known there: nobody else gets an address, a route back, or a document.
 */
import { createHash } from 'node:crypto';
import { HOST_LABEL, MAC_ADDRESS, ULID } from '#shared/names.ts';
import * as z from 'zod';
import type { ChannelPlan, ServedNetwork } from '../ports.ts';
import { addressOf, subnetAround } from './ipv4.ts';

/** They go into configuration files, a word or a line each. */
const networkSchema = z.object({
  bridge: z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,14}$/),
  serverAddress: z.ipv4(),
  netmask: z.ipv4(),
  nodes: z.array(
    z.object({
      macAddress: MAC_ADDRESS,
      address: z.ipv4(),
      gateway: z.ipv4().optional(),
      hostname: HOST_LABEL,
      document: z.string(),
    }),
  ),
});
const planSchema = z.object({ deploymentId: ULID, networks: z.array(networkSchema).min(1).max(10) });

/** A pair of interfaces: `name` is plugged into the bridge, its peer is the channel's own. */
export interface ChannelLink {
  readonly name: string;
  readonly peer: string;
  readonly peerMacAddress: string;
  readonly bridge: string;
}

export interface ChannelTexts {
  readonly links: readonly ChannelLink[];
  /** For dnsmasq, in place of its own configuration file. */
  readonly dnsmasqConfiguration: string;
  /** For `ip -batch`, inside. */
  readonly ipCommands: string;
  /** By the address that asks. Two networks with the same addresses do not occur: the frontend is in both. */
  readonly documents: ReadonlyMap<string, string>;
  /** Two plans that are served the same have the same. */
  readonly fingerprint: string;
}

/** Throws ZodError where the plan holds what is no name or address: a fault of the caller's. */
export function describeChannel(plan: Omit<ChannelPlan, 'directory'>): ChannelTexts {
  const { deploymentId, networks } = planSchema.parse(plan);
  const names = linkNames(deploymentId, networks.length);
  const links = networks.map(({ bridge }, i) => ({
    name: names[i] ?? '',
    peer: peerName(i),
    peerMacAddress: macAddressOf(deploymentId, i),
    bridge,
  }));
  return {
    links,
    dnsmasqConfiguration: lines(COMMON_OPTIONS, ...networks.map(networkOptions)),
    ipCommands: lines(...networks.map(networkCommands)),
    documents: new Map(networks.flatMap(({ nodes }) => nodes.map(({ address, document }) => [address, document]))),
    fingerprint: createHash('sha256').update(JSON.stringify(networks)).digest('hex'),
  };
}

/** Of all networks that a channel may have, or the first few. The kernel allows 15 characters (see bridgeName). */
export function linkNames(deploymentId: string, count = 10): string[] {
  return Array.from({ length: count }, (_, i) => `u${i}-${deploymentId.toLowerCase().slice(-12)}`);
}

const peerName = (i: number): string => `net${i}`;
const lines = (...groups: readonly (readonly string[])[]): string => `${groups.flat().join('\n')}\n`;

const COMMON_OPTIONS = [
  // No DNS.
  'port=0',
  'no-resolv',
  'no-hosts',
  'bind-interfaces',
  // A rogue server would harm the whole public network: who is not listed below gets no answer, not even a refusal.
  'dhcp-ignore=tag:!known',
  // After a restart nobody remembers the leases; the nodes are ours, so they are confirmed.
  'dhcp-authoritative',
  'leasefile-ro',
  'no-ping',
  // To who has no address yet: else the lasting entries of the neighbor table would be replaced by passing ones.
  'dhcp-broadcast',
  'quiet-dhcp',
  'pid-file',
  // No router, unless a node has one.
  'dhcp-option=option:router',
];

function networkOptions({ serverAddress, netmask, nodes }: ServedNetwork, i: number): string[] {
  const base = addressOf(subnetAround(serverAddress, netmask).base);
  return [
    `interface=${peerName(i)}`,
    `dhcp-range=${base},static,${netmask},infinite`,
    ...nodes.flatMap(({ macAddress, address, gateway, hostname }, n) => {
      const tag = `net${i}node${n}`;
      return [
        `dhcp-host=${macAddress},set:${tag},${address},${hostname},infinite`,
        ...(gateway === undefined ? [] : [`dhcp-option=tag:${tag},option:router,${gateway}`]),
      ];
    }),
  ];
}

/** Routes to the nodes and nowhere else; where a node's address is, is fixed, so that nobody answers in its place. */
function networkCommands({ serverAddress, nodes }: ServedNetwork, i: number): string[] {
  const dev = `dev ${peerName(i)}`;
  return [
    `address add ${serverAddress}/32 ${dev}`,
    `link set ${dev} up`,
    ...nodes.flatMap(({ address, macAddress }) => [
      `route add ${address}/32 ${dev} src ${serverAddress}`,
      `neighbour add ${address} lladdr ${macAddress} ${dev} nud permanent`,
    ]),
  ];
}

/** The same after a restart: guests keep it in their neighbor tables. */
function macAddressOf(deploymentId: string, i: number): string {
  const digest = createHash('sha256').update(`${deploymentId}/user-data/${i}`).digest();
  return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
