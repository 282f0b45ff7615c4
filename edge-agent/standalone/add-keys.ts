/**
 * Lets further keys into a cluster: into every node's document, and at once into guests that listen. Nothing is taken away: guests
 * only ever append keys (formats, section 5).
 */
import type { Work } from '../run.ts';
import { openUserData, type BootPorts } from '../steps/boot-cluster.ts';
import { type DocumentEffect, giveDocument, type GiveDocumentPorts } from '../steps/give-document.ts';
import { runningNodes } from '../steps/running-nodes.ts';
import type { ClusterPorts } from './clusters.ts';
import { type HoldPorts, holdOwnCluster } from './hold-cluster.ts';
import { requireDisks } from './whole-cluster.ts';

export type AddKeysPorts = ClusterPorts & HoldPorts & BootPorts & GiveDocumentPorts;

export interface ToldNode {
  readonly name: string;
  readonly effect: DocumentEffect;
}

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
  if (running.size > 0) await openUserData(plan, ports);
  return await Promise.all(
    plan.nodes.map(async (node): Promise<ToldNode> => {
      const effect = await giveDocument(plan, node, running.has(node.name), signal, ports);
      return { name: node.name, effect };
    }),
  );
}
