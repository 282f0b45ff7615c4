/** Makes every node's own layer on the shared disks, and writes into it what the guest reads at boot. */
import type { PublicNetwork } from '../config.ts';
import { guestDocument } from '../core/guest-document.ts';
import { type ClusterPlan, nodeFiles, type PlannedNode } from '../core/plan-cluster.ts';
import type { ClusterFiles, NodeDisks, NodePlan } from '../ports.ts';
import type { Run } from '../run.ts';
import { together } from '../together.ts';
import type { FetchedImage } from './fetched-image.ts';

export interface PersonalizePorts {
  readonly clusterFiles: ClusterFiles;
  readonly nodeDisks: NodeDisks;
  readonly publicNetwork: PublicNetwork;
}

/** Answers the nodes, ready to boot, the frontend first. Throws IMAGE_NOT_COMPLIANT, DISK_FULL. */
export async function personalize(
  plan: ClusterPlan,
  image: FetchedImage,
  run: Run,
  ports: PersonalizePorts,
): Promise<NodePlan[]> {
  const directory = await ports.clusterFiles.makeDirectory(plan.deploymentId);
  const nodes = plan.nodes.map((node) => nodePlan(node, image, directory, ports.publicNetwork));
  await run.stopwatch.time('personalize', () =>
    together(
      run.signal,
      plan.nodes.map((node, i) => async (signal) => {
        const { backingFile, overlayFile } = nodes[i] as NodePlan;
        await ports.nodeDisks.createOverlay(backingFile, overlayFile, signal);
        await ports.nodeDisks.personalize(overlayFile, [guestDocument(plan, node, ports.publicNetwork)], signal);
      }),
    ),
  );
  return nodes;
}

function nodePlan(node: PlannedNode, image: FetchedImage, directory: string, network: PublicNetwork): NodePlan {
  const { name, role, cpus, memoryMiB, privateMacAddress, publicMacAddress } = node;
  const { libvirtNetwork } = network;
  return {
    name,
    role,
    cpus,
    memoryMiB,
    backingFile: image.diskOf(role),
    ...nodeFiles(directory, name),
    interfaces: [
      { network: 'private', macAddress: privateMacAddress },
      ...(publicMacAddress === undefined
        ? []
        : [{ network: 'public' as const, macAddress: publicMacAddress, libvirtNetwork }]),
    ],
  };
}
