/**
 * What a deployment or warming consumed: told by the change of its row, and counted in the very transaction that changes it, so that
 * nothing is counted twice or not at all. Pure.
 */
import type { Consumption, ConsumptionRow } from '#shared/api/usage.ts';
import { type Deployment, hasRun, isTerminal, isUp, type Phase } from '#shared/deployment.ts';
import type { Warming } from '#shared/warming.ts';

/** The image is being fetched, or has been. */
const isBeforeRunning = (phase: Phase): boolean => ['ACCEPTED', 'FETCHING', 'PERSONALIZING', 'BOOTING'].includes(phase);

const NOTHING: Consumption = { clusters: 0, warmings: 0, bytesFetched: 0, clusterSeconds: 0, nodeSeconds: 0 };

/**
 * Bytes when the cluster runs, or is given up before; time when it runs no more, or with other nodes, all of it in the month in which that
 * is. The cluster itself counts when it runs for the first time.
 */
export function consumedByDeployment(before: Deployment, after: Deployment): Consumption | undefined {
  if (before.phase === after.phase) return undefined;
  if (after.phase === 'RUNNING') {
    const clusters = before.timeline === undefined ? 1 : 0;
    return { ...timeOf(before, after), clusters, bytesFetched: after.timeline?.bytesFetched ?? 0 };
  }
  if (isUp(before.phase)) return isUp(after.phase) ? undefined : timeOf(before, after);
  const isGivenUp =
    !hasRun(before) && isBeforeRunning(before.phase) && (isTerminal(after.phase) || after.phase === 'DESTROYING');
  return isGivenUp ? something({ ...NOTHING, bytesFetched: before.progress?.bytesFetched ?? 0 }) : undefined;
}

/** Since it began to run with the nodes that it had; while it is scaled, they run on. */
function timeOf({ phase, runningSince, nodes = [] }: Deployment, { updatedAt }: Deployment): Consumption {
  if (!isUp(phase) || runningSince === undefined) return NOTHING;
  const clusterSeconds = Math.max(0, Math.round((Date.parse(updatedAt) - Date.parse(runningSince)) / 1000));
  return { ...NOTHING, clusterSeconds, nodeSeconds: clusterSeconds * nodes.length };
}

/** Bytes, when it is over. */
export function consumedByWarming(before: Warming, after: Warming): Consumption | undefined {
  if (before.phase === after.phase) return undefined;
  if (after.phase === 'DONE') return { ...NOTHING, warmings: 1, bytesFetched: after.outcome?.bytesFetched ?? 0 };
  if (after.phase !== 'FAILED') return undefined;
  return something({ ...NOTHING, bytesFetched: before.progress?.bytesFetched ?? 0 });
}

const something = (consumption: Consumption): Consumption | undefined =>
  consumption.bytesFetched > 0 ? consumption : undefined;

/** A member's id, which the issuer makes, may hold anything: no `#` is left of it. */
export const memberKeyPrefix = (memberId: string): string => `${encodeURIComponent(memberId)}#`;

/** By it the rows of a month are told apart, and ordered. */
export function consumptionKey({ memberId, siteId, imageId }: Pick<ConsumptionRow, 'memberId' | 'siteId' | 'imageId'>) {
  return `${memberKeyPrefix(memberId)}${siteId}#${imageId}`;
}
