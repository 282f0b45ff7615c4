/** Gives the cluster its place at the site, durably, before anything is made. */
import { allocateCluster, type SiteResources } from '../core/allocate.ts';
import type { ClusterPlan } from '../core/plan-cluster.ts';
import type { Journal } from '../ports.ts';
import type { Run } from '../run.ts';
import { clearNodes, type RemovePorts } from './remove-cluster.ts';

export interface AllocatePorts extends RemovePorts {
  readonly journal: Journal;
  readonly resources: SiteResources;
  /** One allocation at a time: two at once would find the same address free. */
  readonly allocating: <T>(work: () => Promise<T>) => Promise<T>;
}

/** A job that was begun before keeps its place; what it left half done is cleared away. Throws NO_CAPACITY. */
export async function allocate(run: Run, ports: AllocatePorts): Promise<ClusterPlan> {
  const { deployment } = run.job;
  const { deploymentId, siteId } = deployment;
  const { generation, computes } = deployment.desired;
  return ports.allocating(async () => {
    run.signal.throwIfAborted();
    const earlier = await ports.journal.read(deploymentId);
    if (earlier !== undefined) {
      await clearNodes(deployment, ports);
      await ports.journal.write({ ...earlier, generation });
      return earlier.plan;
    }
    const taken = (await ports.journal.list()).map((entry) => entry.plan);
    const { imageName, memoryMiB, sshPublicKeys } = deployment;
    const wish = { siteId, deploymentId, imageName, computes, memoryMiB, sshPublicKeys };
    const plan = allocateCluster(wish, ports.resources, taken);
    const startedAt = run.receivedAt.toISOString();
    await ports.journal.write({ deploymentId, generation, plan, startedAt });
    return plan;
  });
}
