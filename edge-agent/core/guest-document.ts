/** The vc-out.xml of each node of a planned cluster. */
import { type VcCluster, writeComputeDocument, writeFrontendDocument } from '#shared/vc-xml/write-vc-out.ts';
import type { PublicNetwork } from '../config.ts';
import type { GuestFile } from '../ports.ts';
import { type ClusterPlan, PRIVATE_NETWORK, type PlannedNode } from './plan-cluster.ts';

export const VC_OUT_PATH = '/root/vc-out.xml';

/** Readable by root alone: it may come to hold more than addresses. */
export function guestDocument(plan: ClusterPlan, node: PlannedNode, network: PublicNetwork): GuestFile {
  const cluster = describe(plan, network);
  const content = node.role === 'frontend' ? writeFrontendDocument(cluster) : writeComputeDocument(cluster, node.name);
  return { path: VC_OUT_PATH, content, mode: 0o600 };
}

function describe(plan: ClusterPlan, network: PublicNetwork): VcCluster {
  const [frontend, ...computes] = plan.nodes;
  if (frontend?.publicMacAddress === undefined) throw new Error('a plan begins with its frontend');
  const privateSide = (node: PlannedNode) => ({
    address: node.privateAddress,
    netmask: PRIVATE_NETWORK.netmask,
    macAddress: node.privateMacAddress,
  });
  return {
    frontend: {
      name: plan.fqdn.split('.')[0] ?? plan.fqdn,
      fqdn: plan.fqdn,
      gateway: network.gateway,
      public: { address: plan.publicAddress, netmask: network.netmask, macAddress: frontend.publicMacAddress },
      private: privateSide(frontend),
    },
    computes: computes.map((node) => ({ name: node.name, cpus: node.cpus, private: privateSide(node) })),
    dns: { servers: network.dnsServers, search: 'local', domain: '' },
    sshPublicKeys: plan.sshPublicKeys,
  };
}
