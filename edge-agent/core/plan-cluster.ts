/** What a cluster will be: names, addresses, MACs, files. Pure: the same deployment at the same address is planned the same. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { FQDN, IMAGE_NAME, MAC_ADDRESS, SITE_ID, SSH_PUBLIC_KEY, ULID } from '#shared/names.ts';
import * as z from 'zod';
import type { PublicNetwork } from '../config.ts';
import { addressOf, numberOf } from './ipv4.ts';

const nodePlanSchema = z.strictObject({
  name: z.string(),
  role: z.enum(['frontend', 'compute']),
  cpus: z.int().positive(),
  memoryMiB: z.int().positive(),
  privateAddress: z.ipv4(),
  privateMacAddress: MAC_ADDRESS,
  /** The frontend's only. */
  publicMacAddress: MAC_ADDRESS.optional(),
});

export const clusterPlanSchema = z.strictObject({
  siteId: SITE_ID,
  deploymentId: ULID,
  imageName: IMAGE_NAME,
  /** The frontend's; its first label is the cluster's name. */
  fqdn: FQDN,
  publicAddress: z.ipv4(),
  sshPublicKeys: z.array(SSH_PUBLIC_KEY),
  /** The frontend first. */
  nodes: z.array(nodePlanSchema).min(1),
});

export type ClusterPlan = z.infer<typeof clusterPlanSchema>;
export type PlannedNode = z.infer<typeof nodePlanSchema>;

/** The private network is the cluster's own layer 2: every cluster uses the same addresses, as the original tools did. */
export const PRIVATE_NETWORK = {
  netmask: '255.255.0.0',
  frontendAddress: '10.1.1.1',
  /** Computes count down from here. */
  firstComputeAddress: '10.1.255.254',
  /** Nobody's: what the agent asks in the name of when it looks for a node. */
  inquiryAddress: '10.1.0.1',
} as const;

/** Nodes get one CPU each: with an emulated or a small host the rule of the original (all free CPUs) starves the others. */
const CPUS_PER_NODE = 1;

export interface PlanRequest {
  readonly siteId: string;
  readonly deploymentId: string;
  readonly imageName: string;
  readonly computes: number;
  readonly memoryMiB: { readonly frontend: number; readonly compute: number };
  readonly sshPublicKeys: readonly string[];
}

export function planCluster(request: PlanRequest, publicAddress: string, network: PublicNetwork): ClusterPlan {
  const { siteId, deploymentId, imageName, memoryMiB } = request;
  const mac = (nodeName: string, network: string) => macAddressOf(`${deploymentId}/${nodeName}/${network}`);
  const frontend: PlannedNode = {
    name: 'frontend',
    role: 'frontend',
    cpus: CPUS_PER_NODE,
    memoryMiB: memoryMiB.frontend,
    privateAddress: PRIVATE_NETWORK.frontendAddress,
    privateMacAddress: mac('frontend', 'private'),
    publicMacAddress: mac('frontend', 'public'),
  };
  const computes = Array.from({ length: request.computes }, (_, i): PlannedNode => {
    const name = `compute-${i}`;
    return {
      name,
      role: 'compute',
      cpus: CPUS_PER_NODE,
      memoryMiB: memoryMiB.compute,
      privateAddress: addressOf(numberOf(PRIVATE_NETWORK.firstComputeAddress) - i),
      privateMacAddress: mac(name, 'private'),
    };
  });
  return {
    siteId,
    deploymentId,
    imageName,
    fqdn: `vc-${publicAddress.replaceAll('.', '-')}.${network.domain}`,
    publicAddress,
    sshPublicKeys: [...request.sshPublicKeys],
    nodes: [frontend, ...computes],
  };
}

/** What the cluster takes of the site. */
export function demandOf(plan: Pick<ClusterPlan, 'nodes'>): { cpus: number; memoryMiB: number } {
  return {
    cpus: plan.nodes.reduce((sum, node) => sum + node.cpus, 0),
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
