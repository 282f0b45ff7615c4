/** Makes every node's own layer on the shared disks, and writes into it what the guest reads at boot. */
import { cloudInitSeed, type ClusterKey, type ClusterKeys } from '../core/cloud-init.ts';
import { interfacesOf } from '../core/cluster-interfaces.ts';
import { guestDocument, VC_OUT_PATH } from '../core/guest-document.ts';
import { type ClusterPlan, nodeFiles, type PlannedNode, seedFileOf } from '../core/plan-cluster.ts';
import type { ClusterFiles, GuestFile, NodeDisks, NodePlan } from '../ports.ts';
import type { Work } from '../run.ts';
import { together } from '../together.ts';
import type { FetchedDisks } from './fetched-image.ts';

export interface PersonalizePorts {
  readonly clusterFiles: ClusterFiles;
  readonly nodeDisks: NodeDisks;
  readonly clusterKey: ClusterKeys;
}

/** Where the guest kit of a frontend finds the cluster's own key. */
const CLUSTER_KEY_PATH = '/root/.edgeboot-cluster-key';
/** Readable by root alone. */
export const GUEST_FILE_MODE = 0o600;

/** Answers the nodes, ready to boot, the frontend first: all of them, unless some are named. Throws IMAGE_NOT_COMPLIANT, DISK_FULL. */
export async function personalize(
  plan: ClusterPlan,
  image: FetchedDisks,
  work: Work,
  ports: PersonalizePorts,
  planned: readonly PlannedNode[] = plan.nodes,
): Promise<NodePlan[]> {
  const directory = await ports.clusterFiles.makeDirectory(plan.deploymentId);
  const clusterKey = await ports.clusterKey(directory);
  return work.stopwatch.time('personalize', () =>
    together(
      work.signal,
      planned.map((node) => async (signal) => {
        const unseeded = nodePlan(plan, node, image, directory);
        const { backingFile, overlayFile } = unseeded;
        await ports.nodeDisks.createOverlay(backingFile, overlayFile, signal);
        const files = guestFiles(plan, node, clusterKey);
        const { hasCloudInit } = await ports.nodeDisks.personalize(overlayFile, files, signal);
        if (!hasCloudInit) return unseeded;
        const seedFile = seedFileOf(directory, node.name);
        await ports.nodeDisks.createSeed(seedFile, cloudInitSeed(plan, node, clusterKey), signal);
        return { ...unseeded, seedFile };
      }),
    ),
  );
}

/** A node as it is booted, but for its seed. */
export function nodePlan(plan: ClusterPlan, node: PlannedNode, image: FetchedDisks, directory: string): NodePlan {
  const { name, role, cpus, memoryMiB, hardware } = node;
  return {
    ...{ name, role, cpus, memoryMiB, hardware },
    backingFile: image.diskOf(role),
    ...nodeFiles(directory, name),
    interfaces: interfacesOf(plan, node),
  };
}

function guestFiles(plan: ClusterPlan, node: PlannedNode, { publicKey, privateKey }: ClusterKey): GuestFile[] {
  const document = { path: VC_OUT_PATH, content: guestDocument(plan, node, publicKey), mode: GUEST_FILE_MODE };
  if (node.role === 'compute') return [document];
  return [document, { path: CLUSTER_KEY_PATH, content: privateKey, mode: GUEST_FILE_MODE }];
}
