/** Deployments as text. */
import type { DeploymentCheck, ShownDeployment } from '#shared/api/deployments.ts';
import { computesOf, type Deployment, type DeploymentEvent, isOutcome, isUp } from '#shared/deployment.ts';
import { endFields, endInTable } from './end-text.ts';
import { fields, formatBytes, say, table } from './output.ts';

export function deploymentTable(deployments: readonly ShownDeployment[]): string {
  return tableOf(deployments, ['SITE', ({ siteId }) => siteId]);
}

/** At one site, whoever's they are. */
export function siteDeploymentTable(deployments: readonly ShownDeployment[]): string {
  return tableOf(deployments, ['MEMBER', ({ memberId }) => memberId]);
}

function tableOf(
  deployments: readonly ShownDeployment[],
  [title, valueOf]: readonly [string, (deployment: ShownDeployment) => string],
): string {
  const heading = ['DEPLOYMENT', 'IMAGE', title, 'COMPUTES', 'PHASE', 'FRONTEND', 'CREATED', 'ENDS'];
  const rows = deployments.map((one) => [
    one.deploymentId,
    `${one.imageName}@${one.imageVersion}`,
    valueOf(one),
    String(one.desired.computes),
    one.phase,
    frontendAddress(one) ?? '-',
    one.createdAt,
    endInTable(one),
  ]);
  return table([heading, ...rows]);
}

export function describeDeployment(deployment: ShownDeployment): string {
  const { deploymentId, imageName, imageVersion, imageDeprecated, memberId, siteId, phase } = deployment;
  const { nodes, failure, timeline } = deployment;
  return fields([
    ['deployment', deploymentId],
    ['member', memberId],
    ['image', `${imageName}@${imageVersion}`],
    ...(imageDeprecated === undefined ? [] : [['deprecated', imageDeprecated] as const]),
    ['site', siteId],
    ['phase', `${phase}${describeWish(deployment)}`],
    ...endFields(deployment),
    ...(phase === 'FETCHING' ? [['progress', describeProgress(deployment)] as const] : []),
    ...(nodes ?? []).map(
      ({ name, privateAddress, publicAddress }) =>
        [
          'node',
          `${name}  ${privateAddress}${publicAddress === undefined ? '' : `  ${publicAddress} (public)`}`,
        ] as const,
    ),
    ...(timeline?.steps ?? []).map(
      ({ name, seconds }) => ['took', `${seconds.toFixed(2).padStart(7)} s  ${name}`] as const,
    ),
    ...(failure
      ? ([
          ['failed', `${failure.code}: ${failure.message}`],
          ['', failure.remedy],
        ] as const)
      : []),
  ]);
}

/** What is to come, where it is not so yet. */
function describeWish(deployment: ShownDeployment): string {
  const { phase, desired, nodes } = deployment;
  if (isOutcome(deployment)) return '';
  if (desired.power === 'destroyed') return ' (to be destroyed)';
  if (desired.power === 'off') return ' (to be stopped)';
  if (isUp(phase)) return ` (from ${computesOf(nodes ?? [])} to ${desired.computes} computes)`;
  return phase === 'STOPPED' || phase === 'STOPPING' ? ' (to be started)' : '';
}

/** On standard error: a version that should not be used any more works all the same. */
export function warnOfDeprecation(one: Pick<Deployment, 'imageName' | 'imageVersion' | 'imageDeprecated'>): void {
  if (one.imageDeprecated === undefined) return;
  say(`warning: ${one.imageName}@${one.imageVersion} is deprecated: ${one.imageDeprecated}`);
}

export function describeCheck(check: DeploymentCheck): string {
  const { siteId, imageName, imageVersion, agentHeard, lastSeen, free, bytesToFetch, warning, refusal } = check;
  const heard = lastSeen === undefined ? 'never heard' : `last heard ${lastSeen}`;
  const silent = lastSeen === undefined || agentHeard ? '' : ', not within the last 60 s';
  // What is refused waits for nobody; of a site that nobody ever heard, it need not even be one.
  const waits = agentHeard || refusal ? '' : '; a deployment would wait for it';
  const isWorthTelling = siteId !== undefined && !(refusal && lastSeen === undefined);
  return fields([
    ['image', imageVersion === undefined ? imageName : `${imageName}@${imageVersion}`],
    ['site', siteId ?? 'none'],
    ...(isWorthTelling ? [['agent', `${heard}${silent}${waits}`] as const] : []),
    ...(free ? [['free', `${free.cpus} CPUs, ${free.memoryMiB} MiB, ${free.publicAddresses} addresses`] as const] : []),
    ...(bytesToFetch === undefined ? [] : [['to fetch', `at most ${formatBytes(bytesToFetch)}`] as const]),
    ...(warning ? [['warning', `it does not fit now: ${warning.message}`] as const] : []),
    ['request', refusal ? `would be refused, ${refusal.code}` : 'would be accepted'],
  ]);
}

export function describeEvent({ at, phase, siteId, failure, endsAt, destroyAt }: DeploymentEvent): string {
  const where = siteId === undefined ? '' : `  at ${siteId}`;
  const why = failure ? `  ${failure.code}: ${failure.message}` : '';
  const end = endsAt === undefined ? '' : `  ends ${endsAt}`;
  const over = destroyAt === undefined ? '' : `  its time is over; destroyed ${destroyAt} unless it is extended`;
  return `${at}  ${phase}${where}${why}${end}${over}`;
}

export function describeProgress({ progress }: Pick<Deployment, 'progress'>): string {
  if (progress === undefined) return '';
  const { bytesFetched, bytesTotal, partsFetched, partsTotal } = progress;
  return `${formatBytes(bytesFetched)} of ${formatBytes(bytesTotal)}, ${partsFetched} of ${partsTotal} parts`;
}

export const frontendAddress = ({ nodes }: Pick<Deployment, 'nodes'>): string | undefined =>
  nodes?.find(({ role }) => role === 'frontend')?.publicAddress;
