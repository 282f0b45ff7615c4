/** What the user-data channel answers, and to whom: each node on the cluster's own network, the frontend on the public one too. */
import type { ServedNetwork, ServedNode } from '../ports.ts';
import { guestDocument } from './guest-document.ts';
import { bridgeName } from './libvirt-names.ts';
import { type ClusterPlan, clusterName, type PlannedNode } from './plan-cluster.ts';

/** @param publicBridge `undefined` where the site's public network is no bridge of this host. */
export function servedNetworks(
  plan: ClusterPlan,
  publicBridge: string | undefined,
  clusterPublicKey: string,
): ServedNetwork[] {
  const { privateNetwork, publicNetwork, deploymentId } = plan;
  const serve = (node: PlannedNode, macAddress: string, address: string, gateway?: string): ServedNode => ({
    ...{ macAddress, address, gateway },
    hostname: node.role === 'frontend' ? clusterName(plan) : node.name,
    document: guestDocument(plan, node, clusterPublicKey),
  });
  const privately: ServedNetwork = {
    bridge: bridgeName(deploymentId),
    serverAddress: privateNetwork.serverAddress,
    netmask: privateNetwork.netmask,
    nodes: plan.nodes.map((node) =>
      serve(
        node,
        node.privateMacAddress,
        node.privateAddress,
        node.role === 'compute' ? privateNetwork.frontendAddress : undefined,
      ),
    ),
  };
  const [frontend] = plan.nodes;
  const { userDataAddress, netmask, gateway } = publicNetwork;
  if (frontend?.publicMacAddress === undefined || userDataAddress === undefined || publicBridge === undefined) {
    return [privately];
  }
  const publicly = serve(frontend, frontend.publicMacAddress, plan.publicAddress, gateway);
  return [privately, { bridge: publicBridge, serverAddress: userDataAddress, netmask, nodes: [publicly] }];
}
