/**
 * At start: makes what is here match what the journal implies. libvirt is observed first; only what carries this site's metadata
 * is touched. Jobs in progress need nothing: their messages come again, and begin by clearing what was left half done.
 */
import type { Log } from '#shared/log-fields.ts';
import { removeCluster, type RemovePorts } from './steps/remove-cluster.ts';

export interface RecoverPorts extends RemovePorts {
  readonly siteId: string;
  readonly log: Log;
}

/** Removes domains, networks and directories that no journal entry speaks of. Answers how many clusters that were. */
export async function recover(ports: RecoverPorts): Promise<number> {
  const { siteId, log } = ports;
  const observed = await ports.hypervisor.observe(siteId);
  const directories = await ports.clusterFiles.list();
  const known = new Set((await ports.journal.list()).map((entry) => entry.deploymentId));
  const found = new Set([...observed.map((cluster) => cluster.deploymentId), ...directories]);
  const orphans = [...found].filter((deploymentId) => !known.has(deploymentId));
  for (const deploymentId of orphans) {
    log.warn('removing what an interrupted run left behind', { deploymentId });
    await removeCluster({ siteId, deploymentId }, ports);
  }
  return orphans.length;
}
