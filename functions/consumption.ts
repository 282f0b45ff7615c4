/**
 * What a deployment or warming consumed: told by the change of its row, and counted in the very transaction that changes it, so that
 * nothing is counted twice or not at all. And what the clusters that still run have consumed until now. Pure.
 */
import { type Consumption, type ConsumptionRow, sumConsumption } from '#shared/api/usage.ts';
import { type Deployment, hasRun, isTerminal, isUp, type Phase } from '#shared/deployment.ts';
import type { Warming } from '#shared/warming.ts';

/** What counts in one month, `YYYY-MM`. */
export interface MonthlyConsumption {
  readonly month: string;
  readonly consumption: Consumption;
}

/** A cluster that runs, since when with the nodes that it has. */
export interface RunningCluster extends Pick<Deployment, 'memberId' | 'siteId' | 'imageId' | 'imageName'> {
  readonly deploymentId: string;
  readonly nodes: number;
  /** ISO 8601. */
  readonly runningSince: string;
}

/** The image is being fetched, or has been. */
const isBeforeRunning = (phase: Phase): boolean => ['ACCEPTED', 'FETCHING', 'PERSONALIZING', 'BOOTING'].includes(phase);

const NOTHING: Consumption = { clusters: 0, warmings: 0, bytesFetched: 0, clusterSeconds: 0, nodeSeconds: 0 };

const monthOf = (time: string): string => time.slice(0, 7);

/**
 * Bytes when the cluster runs, or is given up before; time when it runs no more, or with other nodes, each month's in that month. The
 * cluster itself counts when it runs for the first time. Each month once.
 */
export function consumedByDeployment(before: Deployment, after: Deployment): readonly MonthlyConsumption[] {
  if (before.phase === after.phase) return [];
  const ran = runningOf(before);
  if (after.phase === 'RUNNING') {
    const clusters = hasRun(before) ? 0 : 1;
    const fetched = { ...NOTHING, clusters, bytesFetched: after.timeline?.bytesFetched ?? 0 };
    return inSum([...atOnce(after, fetched), ...(ran ? timeOf(ran, after.updatedAt) : [])]);
  }
  if (ran) return isUp(after.phase) ? [] : timeOf(ran, after.updatedAt);
  const isGivenUp =
    !hasRun(before) && isBeforeRunning(before.phase) && (isTerminal(after.phase) || after.phase === 'DESTROYING');
  return isGivenUp ? atOnce(after, { ...NOTHING, bytesFetched: before.progress?.bytesFetched ?? 0 }) : [];
}

/** Bytes, when it is over. */
export function consumedByWarming(before: Warming, after: Warming): readonly MonthlyConsumption[] {
  if (before.phase === after.phase) return [];
  if (after.phase === 'DONE') {
    return atOnce(after, { ...NOTHING, warmings: 1, bytesFetched: after.outcome?.bytesFetched ?? 0 });
  }
  if (after.phase !== 'FAILED') return [];
  return atOnce(after, { ...NOTHING, bytesFetched: before.progress?.bytesFetched ?? 0 });
}

function atOnce({ updatedAt }: Deployment | Warming, consumption: Consumption): readonly MonthlyConsumption[] {
  const isNothing = Object.values(consumption).every((count) => count === 0);
  return isNothing ? [] : [{ month: monthOf(updatedAt), consumption }];
}

function inSum(counted: readonly MonthlyConsumption[]): readonly MonthlyConsumption[] {
  const months = Map.groupBy(counted, ({ month }) => month);
  return [...months].map(([month, all]) => ({ month, consumption: sumConsumption(all.map((one) => one.consumption)) }));
}

/** `undefined` where it does not run. While it is scaled, the nodes that it had run on. */
export function runningOf(deployment: Deployment): RunningCluster | undefined {
  const { deploymentId, memberId, siteId, imageId, imageName, phase, runningSince, nodes = [] } = deployment;
  if (!isUp(phase) || runningSince === undefined) return undefined;
  return { deploymentId, memberId, siteId, imageId, imageName, runningSince, nodes: nodes.length };
}

/** @param until ISO 8601 */
function timeOf({ runningSince, nodes }: RunningCluster, until: string): readonly MonthlyConsumption[] {
  return secondsByMonth(runningSince, until).map(({ month, seconds }) => ({
    month,
    consumption: { ...NOTHING, clusterSeconds: seconds, nodeSeconds: seconds * nodes },
  }));
}

/** What a cluster that runs consumed of this month until `now`; `undefined` where it did not run in it. */
export function consumedSoFar(cluster: RunningCluster, month: string, now: string): ConsumptionRow | undefined {
  const { memberId, siteId, imageId, imageName } = cluster;
  const counted = timeOf(cluster, now).find((one) => one.month === month);
  return counted && { memberId, siteId, imageId, imageName, ...counted.consumption };
}

/** A clock that was set back takes nothing away. */
function secondsByMonth(since: string, until: string): readonly { readonly month: string; readonly seconds: number }[] {
  const [from, to] = [Date.parse(since), Date.parse(until)];
  if (to <= from) return [];
  const first = new Date(from);
  const nextMonth = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1);
  const end = Math.min(to, nextMonth);
  const seconds = Math.round((end - from) / 1000);
  return [{ month: monthOf(since), seconds }, ...secondsByMonth(new Date(end).toISOString(), until)];
}

/** A member's id, which the issuer makes, may hold anything: no `#` is left of it. */
export const memberKeyPrefix = (memberId: string): string => `${encodeURIComponent(memberId)}#`;

/** By it the rows of a month are told apart, and ordered. */
export function consumptionKey({ memberId, siteId, imageId }: Pick<ConsumptionRow, 'memberId' | 'siteId' | 'imageId'>) {
  return `${memberKeyPrefix(memberId)}${siteId}#${imageId}`;
}

/** The same for clusters that run. */
export const runningKey = (cluster: RunningCluster): string => `${consumptionKey(cluster)}#${cluster.deploymentId}`;
