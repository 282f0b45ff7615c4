/**
 * Removes a cluster of the federation's that the federation knows no more: its table was put back to a moment before the deployment
 * was asked for. The federation is asked first; what it knows, only its member ends.
 */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { FederationApi, JournalEntry } from '../ports.ts';
import { type ClusterPorts, findCluster } from './clusters.ts';
import { holdCluster, type HoldPorts } from './hold-cluster.ts';
import { releaseCluster, type ReleasePorts } from './release-cluster.ts';

/** As the agent of this host's site sees it. */
export interface OwnFederation {
  readonly siteId: string;
  readonly api: Pick<FederationApi, 'readJob'>;
}

/** Throws NOT_FOUND; FORBIDDEN where it is this host's own, or known; CONFLICT while a command works on it; SERVICE_UNAVAILABLE. */
export async function cleanForgotten(
  name: string,
  signal: AbortSignal,
  federation: OwnFederation,
  ports: ClusterPorts & HoldPorts & ReleasePorts,
): Promise<void> {
  const entry = await findCluster(name, ports);
  await using _held = await holdCluster(entry.deploymentId, name, ports);
  await requireForgotten(name, entry, signal, federation);
  await releaseCluster(entry.plan, ports);
}

/** Throws FORBIDDEN, SERVICE_UNAVAILABLE. */
async function requireForgotten(
  name: string,
  { deploymentId, plan, local }: JournalEntry,
  signal: AbortSignal,
  { siteId, api }: OwnFederation,
): Promise<void> {
  if (local !== undefined) {
    throw new EdgebootError('FORBIDDEN', `${name} was never the federation's`, {
      remedy: `Remove it with: edgeboot-agent clean ${name}`,
    });
  }
  // Of another site's deployments the federation tells us nothing, whether it knows them or not.
  if (plan.siteId !== siteId) {
    throw new EdgebootError('FORBIDDEN', `${name} was made for the site ${plan.siteId}, and this is ${siteId} now`, {
      remedy: `Enroll this host at ${plan.siteId} again, then try again.`,
    });
  }
  try {
    await api.readJob(deploymentId, signal);
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return;
    throw error;
  }
  throw new EdgebootError('FORBIDDEN', `the federation knows ${name}`, {
    remedy: `Its member ends it with: edgeboot deployment destroy ${deploymentId}`,
  });
}
