/**
 * The qemu driver: each node is a process of its own, for hosts without libvirt. What is to be there stands in files, what is there
 * is asked of the kernel each time. Processes run on when the driver or the agent ends.
 */
import { rm } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { EdgebootError } from '#shared/errors.ts';
import { runCommand } from '#shared/host/run-command.ts';
import { letThrough, takeBack, withinBridge } from '../../adapters/forward-rules.ts';
import { ensureBridge, findBridgeOwner, removeBridge, type HostBridge } from '../../adapters/host-bridge.ts';
import { bridgeName } from '../../core/libvirt-names.ts';
import type { ClusterIdentity, HostDescription, HypervisorDriver, NodePlan, ObservedCluster } from '../../ports.ts';
import { stopNodes } from '../stop-nodes.ts';
import { bootNode, type DriverParts } from './boot-node.ts';
import { openDefinitions } from './definitions.ts';
import { loadKernelCalls } from './kernel-calls.ts';
import { createNodeProcesses } from './node-processes.ts';
import { executeQmp } from './qmp.ts';
import type { QemuUser } from './start-qemu.ts';

export interface QemuDriverOptions {
  /** The driver's own, with a short path: monitor sockets lie in it. */
  readonly stateDirectory: string;
  /** As probed. */
  readonly acceleration: HostDescription['acceleration'];
  /** What QEMU runs as. It must be able to read backing files; overlays and seeds are handed over to it. */
  readonly qemuUser: string;
}

const POWER_BUTTON_TIMEOUT_SECONDS = 5;

/** Needs root. Throws PREREQUISITE_MISSING where the host has no `ip` or `setpriv`, INVALID_CONFIG where there is no such user. */
export async function createQemuDriver(options: QemuDriverOptions): Promise<HypervisorDriver> {
  const user = await findUser(options.qemuUser);
  const kernel = loadKernelCalls();
  const definitions = await openDefinitions(options.stateDirectory);
  const processes = createNodeProcesses(kernel, user.uid);
  const parts: DriverParts = { kernel, definitions, processes, user, acceleration: options.acceleration };
  return {
    describeHost: () =>
      Promise.resolve({
        cpus: availableParallelism(),
        memoryMiB: Math.floor(totalmem() / 1024 ** 2),
        acceleration: options.acceleration,
      }),
    prepare: (cluster) => prepare(cluster, parts),
    boot: (cluster, node) => bootNode(cluster, node, parts),
    observe: (siteId) => observe(siteId, parts),
    stop: (cluster, graceSeconds, signal) => stop(cluster, () => true, graceSeconds, signal, parts),
    removeNodes: (cluster, names, graceSeconds, signal) => removeNodes(cluster, names, graceSeconds, signal, parts),
    destroy: (cluster) => destroy(cluster, parts),
    close: () => Promise.resolve(),
  };
}

/** Made anew after a restart of the host, whose bridges do not last. */
async function prepare(cluster: ClusterIdentity, { definitions }: DriverParts): Promise<void> {
  const bridge = bridgeOf(cluster);
  const present = await definitions.readCluster(cluster.deploymentId);
  const isForeign = present !== undefined && present.siteId !== cluster.siteId;
  if (isForeign || (await findBridgeOwner(bridge)) === 'others') {
    throw new EdgebootError('BOOT_FAILED', `${bridge.name} exists already and is not of this deployment`, {
      remedy: 'Remove or rename it, then deploy again.',
    });
  }
  await definitions.writeCluster(cluster);
  await ensureBridge(bridge);
  await letThrough(withinBridge(bridge.name));
}

async function observe(siteId: string, { definitions, processes }: DriverParts): Promise<ObservedCluster[]> {
  const clusters = (await definitions.listClusters()).filter((cluster) => cluster.siteId === siteId);
  return Promise.all(
    clusters.map(async ({ deploymentId }) => {
      const nodes = (await definitions.listNodes(deploymentId)).map(async ({ name }) => {
        const socket = definitions.monitorSocket(deploymentId, name);
        return { name, running: await processes.isRunning(deploymentId, name, socket) };
      });
      const hasNetwork = (await findBridgeOwner(bridgeOf({ siteId, deploymentId }))) === 'us';
      return { siteId, deploymentId, nodes: await Promise.all(nodes), hasNetwork };
    }),
  );
}

async function stop(
  cluster: ClusterIdentity,
  isMeant: (nodeName: string) => boolean,
  graceSeconds: number,
  signal: AbortSignal,
  parts: DriverParts,
): Promise<void> {
  const { definitions, processes } = parts;
  const { deploymentId } = cluster;
  const socketOf = (name: string): string => definitions.monitorSocket(deploymentId, name);
  await stopNodes(graceSeconds, signal, {
    running: async () => {
      const present = (await observe(cluster.siteId, parts)).find((one) => one.deploymentId === deploymentId);
      return (present?.nodes ?? []).filter(({ name, running }) => running && isMeant(name)).map(({ name }) => name);
    },
    // One that does not answer, or has ended, is turned off in the end, or is off.
    pressPowerButton: (name) =>
      executeQmp(socketOf(name), 'system_powerdown', POWER_BUTTON_TIMEOUT_SECONDS).catch(() => undefined),
    turnOff: (name) => processes.end(deploymentId, name, socketOf(name)),
  });
}

async function removeNodes(
  cluster: ClusterIdentity,
  names: readonly string[],
  graceSeconds: number,
  signal: AbortSignal,
  parts: DriverParts,
): Promise<void> {
  await stop(cluster, (name) => names.includes(name), graceSeconds, signal, parts);
  const { siteId, deploymentId } = cluster;
  const { definitions } = parts;
  if ((await definitions.readCluster(deploymentId))?.siteId !== siteId) return;
  const nodes = (await definitions.listNodes(deploymentId)).filter(({ name }) => names.includes(name));
  for (const node of nodes) {
    await removeSockets(node);
    await definitions.removeNode(deploymentId, node.name);
  }
}

async function removeSockets({ consoleSocket, readySocket }: NodePlan): Promise<void> {
  for (const socket of [consoleSocket, readySocket]) await rm(socket, { force: true });
}

/** In the reverse order of making: what is left of it at any moment is still seen. */
async function destroy(cluster: ClusterIdentity, { definitions, processes }: DriverParts): Promise<void> {
  const { siteId, deploymentId } = cluster;
  const present = await definitions.readCluster(deploymentId);
  if (present !== undefined && present.siteId !== siteId) return;
  const bridge = bridgeOf(cluster);
  if (present !== undefined) {
    const nodes = await definitions.listNodes(deploymentId);
    const socketOf = (name: string): string => definitions.monitorSocket(deploymentId, name);
    await Promise.all(nodes.map(({ name }) => processes.end(deploymentId, name, socketOf(name))));
    for (const node of nodes) await removeSockets(node);
    await takeBack(withinBridge(bridge.name));
  }
  await removeBridge(bridge);
  await definitions.removeCluster(deploymentId);
}

function bridgeOf({ siteId, deploymentId }: ClusterIdentity): HostBridge {
  return { name: bridgeName(deploymentId), mark: `edgeboot ${siteId}/${deploymentId}` };
}

async function findUser(name: string): Promise<QemuUser> {
  const numberOf = async (option: string): Promise<number> => {
    const { exitCode, stdout } = await runCommand('id', [option, '--', name]);
    if (exitCode === 0) return Number(stdout.trim());
    throw new EdgebootError('INVALID_CONFIG', `there is no user ${name} that QEMU could run as`);
  };
  return { uid: await numberOf('--user'), gid: await numberOf('--group') };
}
