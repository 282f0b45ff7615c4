/**
 * Who may look at a deployment: its member, and on record the operators of its site and of the federation, who are responsible for it
 * (docs/decisions/0054). To anybody else it is not there.
 */
import type { ShownDeployment } from '#shared/api/deployments.ts';
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import type { Member } from '../http/identity.ts';
import type { SiteStore } from '../ports.ts';
import { recordReading } from '../require-operator.ts';
import { mayOperate } from '../site-rules.ts';
import { findDeployment, type ReadDeploymentsPorts } from './read-deployments.ts';

export interface ShowDeploymentPorts extends ReadDeploymentsPorts {
  readonly sites: SiteStore;
}

const ACTION = 'deployment.read';

/** Throws NOT_FOUND. */
export async function showDeployment(
  member: Member,
  deploymentId: string,
  ports: ShowDeploymentPorts,
): Promise<ShownDeployment> {
  const deployment = await findReadable(member, deploymentId, 'a deployment', ports);
  return shownTo(member, deployment);
}

/** History after an event already seen (0: from the start); `sequence` counts up. Throws NOT_FOUND. */
export async function readEvents(
  member: Member,
  deploymentId: string,
  after: number,
  ports: ShowDeploymentPorts,
): Promise<readonly DeploymentEvent[]> {
  await findReadable(member, deploymentId, 'the history of a deployment', ports);
  return ports.deployments.eventsAfter(deploymentId, after);
}

/** Keys are their member's own: they name people and machines, and nobody needs them to look after a cluster. */
export function shownTo({ memberId }: Member, deployment: Deployment): ShownDeployment {
  return deployment.memberId === memberId ? deployment : { ...deployment, sshPublicKeys: undefined };
}

/** @param what is read, for the record */
async function findReadable(
  member: Member,
  deploymentId: string,
  what: string,
  ports: ShowDeploymentPorts,
): Promise<Deployment> {
  const operates = async ({ siteId }: Deployment) =>
    mayOperate(member, (await ports.sites.find(siteId)) ?? { operatorGroups: [] });
  const deployment = await findDeployment(member, deploymentId, ACTION, operates, ports);
  const { siteId, memberId } = deployment;
  if (memberId === member.memberId) return deployment;
  const reason = `${what} of ${memberId}`;
  await recordReading({ actor: `member:${member.memberId}`, action: ACTION, deploymentId, siteId, reason }, ports);
  return deployment;
}
