/** What a cluster will be: names, addresses, MACs, hardware. Pure: the same deployment at the same address is planned the same. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { FQDN, LEGACY_NAME, MAC_ADDRESS, NETWORK_NAME, SITE_ID, SSH_PUBLIC_KEY, ULID } from '#shared/names.ts';
import * as z from 'zod';
import { addressOf, numberOf } from './ipv4.ts';
import {
  computeAddresses,
  planPrivateNetwork,
  privateNetworkSchema,
  STANDARD_PRIVATE_NETWORK,
} from './private-network.ts';
import { labelOf, type PublicNetwork, standardLabel } from './public-network.ts';

const linkSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('libvirt-network'), name: z.string() }),
  z.strictObject({ kind: z.literal('bridge'), name: z.string() }),
]);

const hardwareSchema = z.strictObject({
  diskBus: z.enum(['virtio', 'ide', 'sata', 'scsi']),
  nicModel: z.enum(['virtio', 'e1000', 'rtl8139']),
});

const extraInterfaceSchema = z.strictObject({
  /** Its name in the guest's document. */
  network: NETWORK_NAME,
  link: linkSchema,
  macAddress: MAC_ADDRESS,
  /** Absent where the network has addresses of its own making: the guest is told nothing of it then. */
  address: z.ipv4().optional(),
  netmask: z.ipv4().optional(),
});

const nodePlanSchema = z.strictObject({
  name: z.string(),
  role: z.enum(['frontend', 'compute']),
  cpus: z.int().positive(),
  memoryMiB: z.int().positive(),
  hardware: hardwareSchema,
  privateAddress: z.ipv4(),
  privateMacAddress: MAC_ADDRESS,
  /** The frontend's only. */
  publicMacAddress: MAC_ADDRESS.optional(),
  extraInterfaces: z.array(extraInterfaceSchema),
});

export const clusterPlanSchema = z.strictObject({
  siteId: SITE_ID,
  deploymentId: ULID,
  imageName: LEGACY_NAME,
  /** The frontend's; its first label is the cluster's name. */
  fqdn: FQDN,
  publicAddress: z.ipv4(),
  publicNetwork: z.strictObject({
    link: linkSchema,
    netmask: z.ipv4(),
    gateway: z.ipv4(),
    dnsServers: z.array(z.ipv4()),
    userDataAddress: z.ipv4().optional(),
  }),
  privateNetwork: privateNetworkSchema,
  sshPublicKeys: z.array(SSH_PUBLIC_KEY),
  /** The computes wait for the frontend, but no longer than this; absent where they need not. */
  computesWaitSeconds: z.int().nonnegative().optional(),
  /** The frontend first. */
  nodes: z.array(nodePlanSchema).min(1),
});

export type ClusterPlan = z.infer<typeof clusterPlanSchema>;
export type PlannedNode = z.infer<typeof nodePlanSchema>;
export type ExtraInterface = z.infer<typeof extraInterfaceSchema>;

const STANDARD_HARDWARE = { diskBus: 'virtio', nicModel: 'virtio' } as const;
const FRONTEND_CPUS = 1;

export interface PlanRequest {
  readonly siteId: string;
  readonly deploymentId: string;
  readonly imageName: string;
  /** CPUs of each compute. */
  readonly computeCpus: readonly number[];
  readonly memoryMiB: { readonly frontend: number; readonly compute: number };
  readonly sshPublicKeys: readonly string[];
  /** What an image's description wants otherwise than the standard. */
  readonly description?: {
    readonly frontendCpus?: number | undefined;
    readonly hardware?: { readonly frontend: PlannedNode['hardware']; readonly compute: PlannedNode['hardware'] };
    readonly privateNetwork?: { readonly address: string; readonly netmask: string } | undefined;
    readonly computesWaitSeconds?: number | undefined;
  };
  /** On every node, after its own interfaces; node 0 is the frontend. */
  readonly extraInterfaces?: readonly ((node: number) => Omit<ExtraInterface, 'macAddress'>)[];
}

export function planCluster(request: PlanRequest, publicAddress: string, network: PublicNetwork): ClusterPlan {
  const { siteId, deploymentId, imageName, memoryMiB, computeCpus, description = {} } = request;
  const privateNetwork = planPrivateNetwork(description.privateNetwork ?? STANDARD_PRIVATE_NETWORK);
  const mac = (nodeName: string, network: string) => macAddressOf(`${deploymentId}/${nodeName}/${network}`);
  const extras = (nodeName: string, node: number): ExtraInterface[] =>
    (request.extraInterfaces ?? []).map((of) => {
      const extra = of(node);
      return { ...extra, macAddress: mac(nodeName, `extra/${extra.network}`) };
    });
  const frontend: PlannedNode = {
    name: 'frontend',
    role: 'frontend',
    cpus: description.frontendCpus ?? FRONTEND_CPUS,
    memoryMiB: memoryMiB.frontend,
    hardware: description.hardware?.frontend ?? STANDARD_HARDWARE,
    privateAddress: privateNetwork.frontendAddress,
    privateMacAddress: mac('frontend', 'private'),
    publicMacAddress: mac('frontend', 'public'),
    extraInterfaces: extras('frontend', 0),
  };
  const addresses = computeAddresses(privateNetwork, computeCpus.length);
  const computes = addresses.map((privateAddress, i): PlannedNode => {
    const name = `compute-${i}`;
    return {
      name,
      role: 'compute',
      cpus: computeCpus[i] ?? 1,
      memoryMiB: memoryMiB.compute,
      hardware: description.hardware?.compute ?? STANDARD_HARDWARE,
      privateAddress,
      privateMacAddress: mac(name, 'private'),
      extraInterfaces: extras(name, i + 1),
    };
  });
  const { netmask, gateway, dnsServers } = network;
  const userDataAddress = userDataAddressOf(publicAddress, network);
  return {
    siteId,
    deploymentId,
    imageName,
    fqdn: network.names[publicAddress] ?? `${standardLabel(publicAddress)}.${network.domain}`,
    publicAddress,
    publicNetwork: {
      link: network.link,
      netmask,
      gateway,
      dnsServers: [...dnsServers],
      ...(userDataAddress !== undefined && { userDataAddress }),
    },
    privateNetwork,
    sshPublicKeys: [...request.sshPublicKeys],
    ...(description.computesWaitSeconds !== undefined && { computesWaitSeconds: description.computesWaitSeconds }),
    nodes: [frontend, ...computes],
  };
}

/**
 * The same cluster with as many computes as the request has: those that stay are as they were, further ones as if they had been asked for
 * at the beginning.
 */
export function scalePlan(plan: ClusterPlan, request: PlanRequest, network: PublicNetwork): ClusterPlan {
  const { nodes } = planCluster(request, plan.publicAddress, network);
  return { ...plan, nodes: nodes.map((node, i) => plan.nodes[i] ?? node) };
}

/** As far from the first one as the cluster's own address is from the pool's. */
function userDataAddressOf(publicAddress: string, network: PublicNetwork): string | undefined {
  const { firstAddress, userDataFirstAddress } = network;
  if (userDataFirstAddress === undefined) return undefined;
  return addressOf(numberOf(userDataFirstAddress) + numberOf(publicAddress) - numberOf(firstAddress));
}

/** The cluster's name: the frontend's short host name (formats, section 6). */
export function clusterName({ fqdn }: Pick<ClusterPlan, 'fqdn'>): string {
  return labelOf(fqdn);
}

/** What the cluster takes of the site. The frontend's CPUs are not counted: the rule of the original (formats, section 6). */
export function demandOf(plan: Pick<ClusterPlan, 'nodes'>): { cpus: number; memoryMiB: number } {
  const computes = plan.nodes.filter((node) => node.role === 'compute');
  return {
    cpus: computes.reduce((sum, node) => sum + node.cpus, 0),
    memoryMiB: plan.nodes.reduce((sum, node) => sum + node.memoryMiB, 0),
  };
}

/** A locally administered unicast address (IEEE 802: 02 in the first octet) with 40 bits of the digest of `seed`. */
function macAddressOf(seed: string): string {
  const digest = createHash('sha256').update(seed).digest();
  return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** Where a node's own files lie inside the cluster's directory. Sockets' paths must stay below 108 bytes. */
export function nodeFiles(clusterDirectory: string, nodeName: string) {
  const file = (ending: string): string => path.join(clusterDirectory, `${nodeName}.${ending}`);
  return { overlayFile: file('qcow2'), readySocket: file('ready'), consoleSocket: file('console') };
}

export function seedFileOf(clusterDirectory: string, nodeName: string): string {
  return path.join(clusterDirectory, `${nodeName}.seed.iso`);
}
