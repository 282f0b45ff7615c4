/** Makes the private network, starts the domains (the frontend first), and waits until the guests are ready. */
import type { ClusterPlan } from '../core/plan-cluster.ts';
import type { GuestSignals, HypervisorDriver, NodePlan } from '../ports.ts';
import type { Run } from '../run.ts';

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

/** The first node that fails ends the waiting for the others. */
async function awaitAllReady(plan: ClusterPlan, nodes: readonly NodePlan[], run: Run, ports: BootPorts): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  await Promise.all(
    nodes.map(async ({ name, role, readySocket, consoleSocket }) => {
      const publicAddress = role === 'frontend' ? plan.publicAddress : undefined;
      const node = { name, readySocket, consoleSocket, publicAddress };
      try {
        await ports.guestSignals.awaitReady(node, ports.readyTimeoutSeconds, signal);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
}
