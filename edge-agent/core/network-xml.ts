/** The libvirt XML of a cluster's private network: a bridge that nothing but the cluster's nodes is plugged into. */
import { create } from 'xmlbuilder2';
import type { ClusterIdentity } from '../ports.ts';
import { clusterMetadata } from './libvirt-metadata.ts';
import { bridgeName, networkName, stableUuid } from './libvirt-names.ts';

/**
 * Pure layer 2: no address of the host, no DHCP, no way out. Every cluster may therefore use the same private subnet, and no
 * guest reaches the host through it.
 */
export function buildNetworkXml(cluster: ClusterIdentity): string {
  const { siteId, deploymentId } = cluster;
  return create({
    network: {
      name: networkName(deploymentId),
      uuid: stableUuid(deploymentId, 'network'),
      metadata: clusterMetadata({ siteId, deploymentId }),
      bridge: { '@name': bridgeName(deploymentId), '@stp': 'off', '@delay': '0' },
    },
  }).end({ prettyPrint: true });
}
