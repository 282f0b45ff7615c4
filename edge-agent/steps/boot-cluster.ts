/** Makes the private network, starts the domains (the frontend first), and waits until the guests are ready. */
import { hasCode } from '#shared/errors.ts';
import type { ClusterKeys } from '../core/cloud-init.ts';
import { servedNetworks } from '../core/served-networks.ts';
import type { ClusterPlan } from '../core/plan-cluster.ts';
import type { AwaitedNode, ClusterFiles, GuestSignals, HypervisorDriver, NodePlan, UserDataChannel } from '../ports.ts';
import type { Work } from '../run.ts';
import { together } from '../together.ts';
import { eachOf } from '../transfer/each-of.ts';

/** To start a domain is mostly to wait for others. */
const STARTS_AT_ONCE = 4;

export interface BootPorts {
  readonly hypervisor: HypervisorDriver;
  readonly clusterFiles: ClusterFiles;
  readonly guestSignals: GuestSignals;
  readonly userData: UserDataChannel;
  /** Makes the site's public network where it is the agent's own. */
  readonly ensurePublicNetwork: () => Promise<void>;
  /** The bridge behind the site's public network. */
  readonly publicBridge: () => Promise<string | undefined>;
  readonly clusterKey: ClusterKeys;
  readonly readyTimeoutSeconds: number;
}

/** Throws BOOT_FAILED, HYPERVISOR_BUSY, BOOT_TIMEOUT. */
export async function bootCluster(
  plan: ClusterPlan,
  nodes: readonly NodePlan[],
  work: Work,
  ports: BootPorts,
): Promise<void> {
  await startNodes(plan, nodes, work, ports);
  await awaitReady(plan, nodes, work, ports);
}

/** Those that are on already stay on. Throws BOOT_FAILED, HYPERVISOR_BUSY. */
export async function startNodes(
  plan: ClusterPlan,
  nodes: readonly NodePlan[],
  work: Work,
  ports: BootPorts,
): Promise<void> {
  await work.stopwatch.time('start domains', () => startAll(plan, nodes, work, ports));
}

/** Throws BOOT_TIMEOUT. */
export async function awaitReady(
  plan: ClusterPlan,
  nodes: readonly NodePlan[],
  work: Work,
  ports: BootPorts,
): Promise<void> {
  await work.stopwatch.time('guests ready', () =>
    together(
      work.signal,
      nodes.map((node) => (signal) => {
        return ports.guestSignals.awaitReady(awaited(plan, node), ports.readyTimeoutSeconds, signal);
      }),
    ),
  );
}

async function startAll(plan: ClusterPlan, nodes: readonly NodePlan[], work: Work, ports: BootPorts): Promise<void> {
  const [frontend, ...computes] = nodes;
  work.signal.throwIfAborted();
  await ports.ensurePublicNetwork();
  await ports.hypervisor.prepare(plan);
  await openUserData(plan, ports);
  if (frontend === undefined) return;
  await ports.hypervisor.boot(plan, frontend);
  if (computes.length > 0) await letFrontendComeUp(plan, frontend, work, ports);
  await eachOf(computes, STARTS_AT_ONCE, work.signal, (node) => ports.hypervisor.boot(plan, node));
}

/** Serves the nodes what they are to read; again, where that has changed. */
export async function openUserData(plan: ClusterPlan, ports: BootPorts): Promise<void> {
  const directory = await ports.clusterFiles.makeDirectory(plan.deploymentId);
  const { publicKey } = await ports.clusterKey(directory);
  const networks = servedNetworks(plan, await ports.publicBridge(), publicKey);
  await ports.userData.open({ deploymentId: plan.deploymentId, directory, networks });
}

/**
 * Some clusters' computes must find their frontend up (`boot_dependency` of formats, section 2): the frontend's own word beats the
 * clock, which is the upper bound.
 */
async function letFrontendComeUp(plan: ClusterPlan, frontend: NodePlan, work: Work, ports: BootPorts): Promise<void> {
  if (plan.computesWaitSeconds === undefined) return;
  try {
    await ports.guestSignals.awaitReady(awaited(plan, frontend), plan.computesWaitSeconds, work.signal);
  } catch (error) {
    if (!hasCode(error, 'BOOT_TIMEOUT')) throw error;
  }
}

function awaited(plan: ClusterPlan, { name, role, readySocket, consoleSocket }: NodePlan): AwaitedNode {
  const node = plan.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`${name} is not planned`);
  const { privateMacAddress: macAddress, privateAddress: address } = node;
  const { inquiryAddress } = plan.privateNetwork;
  const isFrontend = role === 'frontend';
  return {
    ...{ name, readySocket, consoleSocket },
    publicAddress: isFrontend ? plan.publicAddress : undefined,
    privateLink: isFrontend ? undefined : { deploymentId: plan.deploymentId, macAddress, address, inquiryAddress },
  };
}
