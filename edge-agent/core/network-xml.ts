/** The libvirt XML of a cluster's private network: a bridge that nothing but the cluster's nodes is plugged into. */
import { create } from 'xmlbuilder2';
import * as z from 'zod';
import type { ClusterIdentity } from '../ports.ts';
import { buildCheckedXml } from './checked-xml.ts';
import { clusterMetadata } from './libvirt-metadata.ts';
import { bridgeName, networkName, stableUuid } from './libvirt-names.ts';

/**
 * Pure layer 2: no address of the host, no DHCP, no way out. Every cluster may therefore use the same private subnet, and no
 * guest reaches the host through it.
 */
export function buildNetworkXml(cluster: ClusterIdentity): string {
  const { siteId, deploymentId } = cluster;
  return buildCheckedXml({
    network: {
      name: networkName(deploymentId),
      uuid: stableUuid(deploymentId, 'network'),
      metadata: clusterMetadata({ siteId, deploymentId }),
      bridge: { '@name': bridgeName(deploymentId), '@stp': 'off', '@delay': '0' },
    },
  });
}

const bridgedNetworkSchema = z.object({ network: z.object({ bridge: z.object({ '@name': z.string() }) }) });

/** @returns `undefined` for a network that has no bridge of its own or of the host (macvtap, SR-IOV). */
export function readBridge(networkXml: string): string | undefined {
  const network = bridgedNetworkSchema.safeParse(create(networkXml).end({ format: 'object' }));
  return network.data?.network.bridge['@name'];
}
