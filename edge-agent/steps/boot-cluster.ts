/** Makes the private network, starts the domains (the frontend first), and waits until the guests are ready. */
import type { ClusterPlan, PlannedNode } from '../core/plan-cluster.ts';
import type { GuestSignals, HypervisorDriver, NodePlan } from '../ports.ts';
import type { Run } from '../run.ts';
import { together } from '../together.ts';

export interface BootPorts {
  readonly hypervisor: HypervisorDriver;
  readonly guestSignals: GuestSignals;
  readonly readyTimeoutSeconds: number;
}

/** Throws BOOT_FAILED, HYPERVISOR_BUSY, BOOT_TIMEOUT. */
export async function bootCluster(
  plan: ClusterPlan,
  nodes: readonly NodePlan[],
  run: Run,
  ports: BootPorts,
): Promise<void> {
  await run.stopwatch.time('start domains', async () => {
    run.signal.throwIfAborted();
    await ports.hypervisor.createPrivateNetwork(plan);
    for (const node of nodes) {
      run.signal.throwIfAborted();
      await ports.hypervisor.bootNode(plan, node);
    }
  });
  await run.stopwatch.time('guests ready', () => awaitAllReady(plan, nodes, run, ports));
}

async function awaitAllReady(plan: ClusterPlan, nodes: readonly NodePlan[], run: Run, ports: BootPorts): Promise<void> {
  await together(
    run.signal,
    nodes.map(({ name, role, readySocket, consoleSocket }, i) => (signal) => {
      const isFrontend = role === 'frontend';
      const { privateMacAddress: macAddress, privateAddress: address } = plan.nodes[i] as PlannedNode;
      const node = {
        ...{ name, readySocket, consoleSocket },
        publicAddress: isFrontend ? plan.publicAddress : undefined,
        privateLink: isFrontend ? undefined : { deploymentId: plan.deploymentId, macAddress, address },
      };
      return ports.guestSignals.awaitReady(node, ports.readyTimeoutSeconds, signal);
    }),
  );
}
