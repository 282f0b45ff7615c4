/** A node learns what its cluster is now: at once where it runs and listens, otherwise from its disk, at its next boot. */
import { cloudInitSeed } from '../core/cloud-init.ts';
import { guestDocument, VC_OUT_PATH } from '../core/guest-document.ts';
import { type ClusterPlan, nodeFiles, type PlannedNode, seedFileOf } from '../core/plan-cluster.ts';
import { GUEST_FILE_MODE, type PersonalizePorts } from './personalize.ts';

export interface GiveDocumentPorts extends PersonalizePorts {
  /** False when the guest has not applied it in time. */
  readonly tellGuest: (
    readySocket: string,
    document: string,
    timeoutSeconds: number,
    signal: AbortSignal,
  ) => Promise<boolean>;
}

/** `next boot`: it is off. `unheard`: it runs, and nothing in it listens. */
export type DocumentEffect = 'now' | 'next boot' | 'unheard';

const ANSWER_SECONDS = 60;

/** A disk that is in use is never written to. Throws IMAGE_NOT_COMPLIANT, DISK_FULL. */
export async function giveDocument(
  plan: ClusterPlan,
  node: PlannedNode,
  isRunning: boolean,
  signal: AbortSignal,
  ports: GiveDocumentPorts,
): Promise<DocumentEffect> {
  const directory = ports.clusterFiles.directoryOf(plan.deploymentId);
  const clusterKey = await ports.clusterKey(directory);
  const { overlayFile, readySocket } = nodeFiles(directory, node.name);
  const document = guestDocument(plan, node, clusterKey.publicKey);
  if (isRunning) {
    return (await ports.tellGuest(readySocket, document, ANSWER_SECONDS, signal)) ? 'now' : 'unheard';
  }
  const file = { path: VC_OUT_PATH, content: document, mode: GUEST_FILE_MODE };
  const { hasCloudInit } = await ports.nodeDisks.personalize(overlayFile, [file], signal);
  if (hasCloudInit) {
    const seed = cloudInitSeed(plan, node, clusterKey);
    await ports.nodeDisks.createSeed(seedFileOf(directory, node.name), seed, signal);
  }
  return 'next boot';
}
