/** Boots one node: its definition first, then what it needs, then the process. A start that fails is undone. */
import { lchown, rm } from 'node:fs/promises';
import { EdgebootError } from '#shared/errors.ts';
import { checkNodePlan } from '../../core/node-machine.ts';
import { qemuArguments } from '../../core/qemu-arguments.ts';
import type { ClusterIdentity, HostDescription, NodePlan } from '../../ports.ts';
import { refuseClash, type TakenAddresses } from '../refuse-clash.ts';
import type { Definitions } from './definitions.ts';
import type { KernelCalls } from './kernel-calls.ts';
import type { NodeProcesses } from './node-processes.ts';
import { bridgeFor, openFiles } from './open-files.ts';
import { startQemu, type QemuUser } from './start-qemu.ts';

/** What the driver works with. */
export interface DriverParts {
  readonly kernel: KernelCalls;
  readonly definitions: Definitions;
  readonly processes: NodeProcesses;
  readonly user: QemuUser;
  readonly acceleration: HostDescription['acceleration'];
}

/** Nothing where it runs already. Throws BOOT_FAILED, INVALID_CONFIG, HYPERVISOR_BUSY. */
export async function bootNode(cluster: ClusterIdentity, node: NodePlan, parts: DriverParts): Promise<void> {
  const { definitions, processes } = parts;
  const { deploymentId } = cluster;
  checkNodePlan(node);
  for (const nic of node.interfaces) bridgeFor(deploymentId, nic);
  if ((await definitions.readCluster(deploymentId))?.siteId !== cluster.siteId) {
    throw new EdgebootError('BOOT_FAILED', `deployment ${deploymentId} is not prepared on this host`);
  }
  const monitorSocket = definitions.monitorSocket(deploymentId, node.name);
  if (await processes.isRunning(deploymentId, node.name, monitorSocket)) return;
  refuseClash(node, await addressesOfOthers(cluster, node, definitions));

  const isNew = !(await definitions.listNodes(deploymentId)).some(({ name }) => name === node.name);
  await definitions.writeNode(cluster, node);
  try {
    await start(cluster, node, monitorSocket, parts);
  } catch (error) {
    for (const socket of [monitorSocket, node.consoleSocket, node.readySocket]) await rm(socket, { force: true });
    if (isNew) await definitions.removeNode(deploymentId, node.name);
    if (error instanceof EdgebootError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new EdgebootError('BOOT_FAILED', `${node.name} cannot be started: ${reason}`, { cause: error });
  }
}

async function start(
  cluster: ClusterIdentity,
  node: NodePlan,
  monitorSocket: string,
  { kernel, user, acceleration }: DriverParts,
): Promise<void> {
  for (const file of [node.overlayFile, node.seedFile]) {
    if (file !== undefined) await lchown(file, user.uid, user.gid);
  }
  // QEMU has its copies when it is on: from then on only its end closes them.
  await using opened = await openFiles(kernel, cluster.deploymentId, node, monitorSocket);
  const inherited = [opened.monitor, opened.console, opened.ready, ...opened.taps];
  const [monitor = 0, console = 0, ready = 0, ...taps] = inherited.map((_, i) => FIRST_INHERITED_FILE + i);
  const files = { monitor, console, ready, taps };
  await startQemu(qemuArguments(cluster, node, acceleration, files), { user, inherited, monitorSocket });
}

/** After standard input, output and error. */
const FIRST_INHERITED_FILE = 3;

async function addressesOfOthers(
  cluster: ClusterIdentity,
  node: NodePlan,
  definitions: Definitions,
): Promise<TakenAddresses[]> {
  const clusters = await definitions.listClusters();
  const nodes = await Promise.all(
    clusters.map(async ({ deploymentId }) =>
      (await definitions.listNodes(deploymentId)).map(({ name, interfaces }) => ({ deploymentId, name, interfaces })),
    ),
  );
  return nodes
    .flat()
    .filter(({ deploymentId, name }) => deploymentId !== cluster.deploymentId || name !== node.name)
    .map(({ deploymentId, name, interfaces }) => ({
      owner: `${name} of deployment ${deploymentId}`,
      macAddresses: interfaces.map(({ macAddress }) => macAddress),
    }));
}
