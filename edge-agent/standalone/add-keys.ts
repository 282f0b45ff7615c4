/**
 * Lets further keys into a cluster: into every node's document, and at once into guests that listen. Nothing is taken away: guests
 * only ever append keys (formats, section 5).
 */
import { guestDocument, VC_OUT_PATH } from '../core/guest-document.ts';
import { nodeFiles } from '../core/plan-cluster.ts';
import type { Work } from '../run.ts';
import { openUserData, type BootPorts } from '../steps/boot-cluster.ts';
import { GUEST_FILE_MODE, type PersonalizePorts } from '../steps/personalize.ts';
import { type ClusterPorts, runningNodes } from './clusters.ts';
import { type HoldPorts, holdOwnCluster } from './hold-cluster.ts';
import { requireDisks } from './whole-cluster.ts';

export interface AddKeysPorts extends ClusterPorts, HoldPorts, BootPorts, Pick<PersonalizePorts, 'nodeDisks'> {
  /** False when the guest has not applied it in time. */
  readonly tellGuest: (
    readySocket: string,
    document: string,
    timeoutSeconds: number,
    signal: AbortSignal,
  ) => Promise<boolean>;
}

export interface ToldNode {
  readonly name: string;
  /** `next boot`: it is off. `unheard`: it runs, and nothing in it listens. */
  readonly effect: 'now' | 'next boot' | 'unheard';
}

const ANSWER_SECONDS = 60;

/** Throws NOT_FOUND, FORBIDDEN, CONFLICT where the cluster is not complete or another command works on it, IMAGE_NOT_COMPLIANT, DISK_FULL. */
export async function addKeys(
  name: string,
  sshPublicKeys: readonly string[],
  { signal }: Pick<Work, 'signal'>,
  ports: AddKeysPorts,
): Promise<ToldNode[]> {
  await using held = await holdOwnCluster(name, ports);
  const { cluster } = held;
  requireDisks(cluster);
  const plan = { ...cluster.plan, sshPublicKeys: [...new Set([...cluster.plan.sshPublicKeys, ...sshPublicKeys])] };
  await ports.journal.write({ ...cluster, plan });
  const running = await runningNodes(plan, ports);
  const directory = ports.clusterFiles.directoryOf(plan.deploymentId);
  const { publicKey } = await ports.clusterKey(directory);
  if (running.size > 0) await openUserData(plan, ports);
  return await Promise.all(
    plan.nodes.map(async (node): Promise<ToldNode> => {
      const { overlayFile, readySocket } = nodeFiles(directory, node.name);
      const document = guestDocument(plan, node, publicKey);
      if (!running.has(node.name)) {
        const file = { path: VC_OUT_PATH, content: document, mode: GUEST_FILE_MODE };
        await ports.nodeDisks.personalize(overlayFile, [file], signal);
        return { name: node.name, effect: 'next boot' };
      }
      const applied = await ports.tellGuest(readySocket, document, ANSWER_SECONDS, signal);
      return { name: node.name, effect: applied ? 'now' : 'unheard' };
    }),
  );
}
