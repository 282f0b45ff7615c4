/** What is free at a site once its agent has seen what was accepted for it: its last heartbeat knows nothing of that. */
import type { Capacity } from '#shared/api/sites.ts';
import { type Deployment, isTerminal } from '#shared/deployment.ts';
import { decodeTime } from 'ulid';
import { demandOf } from './choose-site.ts';
import type { DeploymentStore, SiteRecord } from './ports.ts';

/** What waits in a queue for longer is in the way of something: it is not waited for here. */
const LOOK_BACK_MS = 300_000;
/** An agent has no more in hand at once. */
const MAX_PROMISED = 32;

/** Of those at the site that are not over. What two requests accept in the same moment, neither may see. */
export async function lessPromised(
  site: SiteRecord,
  deployments: Pick<DeploymentStore, 'find' | 'listAtSite'>,
): Promise<SiteRecord> {
  const { siteId, free, lastSeen } = site;
  if (free === undefined || lastSeen === undefined) return site;
  const since = Date.parse(lastSeen) - LOOK_BACK_MS;
  const newest = await deployments.listAtSite(siteId, undefined, MAX_PROMISED);
  const recent = newest.filter((deploymentId) => decodeTime(deploymentId) >= since);
  const rows = await Promise.all(recent.map((deploymentId) => deployments.find(deploymentId)));
  const promised = rows.filter((row) => row !== undefined).filter((row) => isPromised(row, lastSeen));
  return { ...site, free: promised.reduce(without, free) };
}

/** Accepted, and not counted by the agent yet: it has not taken the job, or has taken it since it said what is free. */
function isPromised({ phase, desired, createdAt }: Deployment, lastSeen: string): boolean {
  if (isTerminal(phase) || desired.power !== 'on') return false;
  return phase === 'ACCEPTED' || createdAt > lastSeen;
}

/** Never below nothing. */
function without(free: Capacity, deployment: Deployment): Capacity {
  const { cpus, memoryMiB } = demandOf(deployment);
  return {
    cpus: Math.max(0, free.cpus - cpus),
    memoryMiB: Math.max(0, free.memoryMiB - memoryMiB),
    publicAddresses: Math.max(0, free.publicAddresses - 1),
  };
}
