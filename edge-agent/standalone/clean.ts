/** Removes a cluster and all that it has: domains, networks, disks, address. Refuses while any node runs (formats, section 6). */
import { EdgebootError } from '#shared/errors.ts';
import { runningNodes } from '../steps/running-nodes.ts';
import type { ClusterPorts } from './clusters.ts';
import { type HoldPorts, holdOwnCluster } from './hold-cluster.ts';
import { releaseCluster, type ReleasePorts } from './release-cluster.ts';

/** Throws NOT_FOUND, FORBIDDEN, CONFLICT while a node runs or another command works on the cluster. */
export async function clean(name: string, ports: ClusterPorts & HoldPorts & ReleasePorts): Promise<void> {
  await using held = await holdOwnCluster(name, ports);
  const { plan } = held.cluster;
  const running = await runningNodes(plan, ports);
  if (running.size > 0) {
    throw new EdgebootError('CONFLICT', `${[...running].join(', ')} of ${name} still run`, {
      remedy: `Turn the cluster off first: edgeboot-agent shutdown ${name}`,
    });
  }
  await releaseCluster(plan, ports);
}
