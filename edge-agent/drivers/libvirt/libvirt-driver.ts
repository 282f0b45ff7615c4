/**
 * The libvirt driver: one deployment's domains and network through libvirt. It keeps no state: what is there is asked of libvirt
 * each time. Domains run on when the driver, the agent or libvirtd ends.
 */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { buildDomainXml, readMacAddresses } from '../../core/domain-xml.ts';
import { readClusterMark, readNodeMark, type ClusterMark } from '../../core/libvirt-metadata.ts';
import { domainName, networkName } from '../../core/libvirt-names.ts';
import { buildNetworkXml, readBridge } from '../../core/network-xml.ts';
import { checkNodePlan } from '../../core/node-machine.ts';
import type { ClusterIdentity, HostDescription, HypervisorDriver, NodePlan, ObservedCluster } from '../../ports.ts';
import { refuseClash } from '../refuse-clash.ts';
import { stopNodes } from '../stop-nodes.ts';
import { createLibvirtClient, type LibvirtClient } from './libvirt-client.ts';
import type { LibvirtObject, ObjectKind } from './protocol.ts';

export interface LibvirtDriverOptions {
  /** For example `qemu:///system`. */
  readonly uri: string;
  /** As probed: libvirt itself cannot tell whether KVM truly works. */
  readonly acceleration: HostDescription['acceleration'];
  /** After this time without an answer libvirt counts as busy. */
  readonly callTimeoutSeconds?: number;
}

export interface LibvirtDriver extends HypervisorDriver {
  /**
   * The bridge behind a network of the site, for those who look at the wire.
   * @throws EdgebootError INVALID_CONFIG where there is no such network, or it has none.
   */
  bridgeOf(libvirtNetwork: string): Promise<string>;
}

const CALL_TIMEOUT_SECONDS = 60;

/** @throws EdgebootError HYPERVISOR_BUSY when libvirtd does not answer, PREREQUISITE_MISSING without the client library. */
export async function createLibvirtDriver(options: LibvirtDriverOptions): Promise<LibvirtDriver> {
  const client = createLibvirtClient({
    uri: options.uri,
    callTimeoutSeconds: options.callTimeoutSeconds ?? CALL_TIMEOUT_SECONDS,
  });
  const describeHost = async (): Promise<HostDescription> => {
    const { cpus, memoryKiB } = await client.call('nodeInfo', {});
    return { cpus, memoryMiB: Math.floor(memoryKiB / 1024), acceleration: options.acceleration };
  };
  try {
    await describeHost();
  } catch (error) {
    await client.close();
    throw error;
  }

  return {
    describeHost,
    prepare: async (cluster) => {
      const name = networkName(cluster.deploymentId);
      const present = await client.call('find', { kind: 'network', name });
      if (present === undefined) await client.call('define', { kind: 'network', xml: buildNetworkXml(cluster) });
      else refuseForeign(present, readClusterMark(present.xml), cluster);
      await client.call('start', { kind: 'network', name });
    },
    boot: (cluster, node) => boot(client, cluster, node, options.acceleration),
    observe: (siteId) => observe(client, siteId),
    stop: (cluster, graceSeconds, signal) =>
      stopDomains(client, () => ownDomains(client, cluster), graceSeconds, signal),
    removeNodes: async (cluster, names, graceSeconds, signal) => {
      const domains = async (): Promise<LibvirtObject[]> =>
        (await ownDomains(client, cluster)).filter(({ xml }) => names.includes(readNodeMark(xml)?.name ?? ''));
      await stopDomains(client, domains, graceSeconds, signal);
      for (const { name } of await domains()) await client.call('remove', { kind: 'domain', name });
    },
    destroy: async (cluster) => {
      const isOurs = (mark: ClusterMark | undefined): boolean => mark !== undefined && belongsTo(mark, cluster);
      const remove = async (kind: ObjectKind, readMark: (xml: string) => ClusterMark | undefined): Promise<void> => {
        const objects = await client.call('list', { kind });
        for (const { name, xml } of objects) {
          if (isOurs(readMark(xml))) await client.call('remove', { kind, name });
        }
      };
      await remove('domain', readNodeMark);
      await remove('network', readClusterMark);
    },
    bridgeOf: async (name) => {
      const network = await client.call('find', { kind: 'network', name });
      const bridge = network === undefined ? undefined : readBridge(network.xml);
      if (bridge !== undefined) return bridge;
      const reason = network === undefined ? 'does not exist' : 'has no bridge';
      throw new EdgebootError('INVALID_CONFIG', `the libvirt network ${name} ${reason}`);
    },
    close: () => client.close(),
  };
}

async function boot(
  client: LibvirtClient,
  cluster: ClusterIdentity,
  node: NodePlan,
  acceleration: HostDescription['acceleration'],
): Promise<void> {
  checkNodePlan(node);
  const name = domainName(cluster.deploymentId, node.name);
  const domains = await client.call('list', { kind: 'domain' });
  const present = domains.find((domain) => domain.name === name);
  if (present !== undefined) refuseForeign(present, readNodeMark(present.xml), cluster);
  if (present?.active === true) return;
  const others = domains.filter((domain) => domain !== present && readNodeMark(domain.xml) !== undefined);
  refuseClash(
    node,
    others.map(({ xml, name: owner }) => ({ owner, macAddresses: readMacAddresses(xml) })),
  );
  await client.call('define', { kind: 'domain', xml: buildDomainXml(cluster, node, acceleration) });
  try {
    await client.call('start', { kind: 'domain', name });
  } catch (error) {
    // What was there before stays; what cannot be reached now is found by the next who observes.
    if (present === undefined && hasCode(error, 'BOOT_FAILED')) await client.call('remove', { kind: 'domain', name });
    throw error;
  }
}

function stopDomains(
  client: LibvirtClient,
  domains: () => Promise<readonly LibvirtObject[]>,
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  return stopNodes(graceSeconds, signal, {
    running: async () => (await domains()).filter(({ active }) => active).map(({ name }) => name),
    pressPowerButton: (name) => client.call('pressPowerButton', { name }),
    turnOff: (name) => client.call('turnOff', { name }),
  });
}

async function ownDomains(client: LibvirtClient, cluster: ClusterIdentity): Promise<LibvirtObject[]> {
  return (await client.call('list', { kind: 'domain' })).filter(({ xml }) => {
    const mark = readNodeMark(xml);
    return mark !== undefined && belongsTo(mark, cluster);
  });
}

async function observe(client: LibvirtClient, siteId: string): Promise<ObservedCluster[]> {
  const clusters = new Map<string, { nodes: ObservedCluster['nodes'][number][]; hasNetwork: boolean }>();
  const clusterOf = (deploymentId: string): { nodes: ObservedCluster['nodes'][number][]; hasNetwork: boolean } => {
    const known = clusters.get(deploymentId) ?? { nodes: [], hasNetwork: false };
    clusters.set(deploymentId, known);
    return known;
  };
  for (const { xml, active } of await client.call('list', { kind: 'domain' })) {
    const mark = readNodeMark(xml);
    if (mark?.siteId !== siteId) continue;
    clusterOf(mark.deploymentId).nodes.push({ name: mark.name, running: active });
  }
  for (const { xml } of await client.call('list', { kind: 'network' })) {
    const mark = readClusterMark(xml);
    if (mark?.siteId === siteId) clusterOf(mark.deploymentId).hasNetwork = true;
  }
  for (const { nodes } of clusters.values()) nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  return [...clusters].map(([deploymentId, found]) => ({ siteId, deploymentId, ...found }));
}

function belongsTo(mark: ClusterMark, cluster: ClusterIdentity): boolean {
  return mark.siteId === cluster.siteId && mark.deploymentId === cluster.deploymentId;
}

/** Somebody else's domain of the same name is left alone. */
function refuseForeign(present: LibvirtObject, mark: ClusterMark | undefined, cluster: ClusterIdentity): void {
  if (mark !== undefined && belongsTo(mark, cluster)) return;
  throw new EdgebootError('BOOT_FAILED', `${present.name} exists already and is not of this deployment`, {
    remedy: 'Remove or rename it, then deploy again.',
  });
}
