/** The vc-out.xml of each node of a planned cluster. */
import {
  type VcCluster,
  type VcExtraInterface,
  writeComputeDocument,
  writeFrontendDocument,
} from '#shared/vc-xml/write-vc-out.ts';
import { type ClusterPlan, clusterName, type PlannedNode } from './plan-cluster.ts';

export const VC_OUT_PATH = '/root/vc-out.xml';

/** @param clusterPublicKey the frontend's own: its computes trust it like the member's. */
export function guestDocument(plan: ClusterPlan, node: PlannedNode, clusterPublicKey: string): string {
  if (node.role === 'frontend') return writeFrontendDocument(describe(plan, plan.sshPublicKeys));
  return writeComputeDocument(describe(plan, [...plan.sshPublicKeys, clusterPublicKey]), node.name);
}

function describe(plan: ClusterPlan, sshPublicKeys: readonly string[]): VcCluster {
  const { publicNetwork, privateNetwork, fqdn } = plan;
  const [frontend, ...computes] = plan.nodes;
  if (frontend?.publicMacAddress === undefined) throw new Error('a plan begins with its frontend');
  const privateSide = (node: PlannedNode) => ({
    address: node.privateAddress,
    netmask: privateNetwork.netmask,
    macAddress: node.privateMacAddress,
  });
  return {
    frontend: {
      name: clusterName(plan),
      fqdn,
      gateway: publicNetwork.gateway,
      public: { address: plan.publicAddress, netmask: publicNetwork.netmask, macAddress: frontend.publicMacAddress },
      private: privateSide(frontend),
      extra: extraSides(frontend),
    },
    computes: computes.map((node) => ({
      name: node.name,
      cpus: node.cpus,
      private: privateSide(node),
      extra: extraSides(node),
    })),
    dns: { servers: publicNetwork.dnsServers, search: 'local', domain: '' },
    sshPublicKeys,
  };
}

/** Those with addresses: old parsers read `ip` and `netmask` of every interface that is listed. */
function extraSides(node: PlannedNode): VcExtraInterface[] {
  return node.extraInterfaces.flatMap(({ network, macAddress, address, netmask }) =>
    address === undefined || netmask === undefined ? [] : [{ network, macAddress, address, netmask }],
  );
}
