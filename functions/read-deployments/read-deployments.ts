/** What a member sees of deployments: their own, and nothing of anybody else's, not even that it exists. */
import type { AuditAction } from '#shared/audit.ts';
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Member } from '../http/identity.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import type { DeploymentStore } from '../ports.ts';

export interface ReadDeploymentsPorts extends DeliveryPorts {
  readonly deployments: DeploymentStore;
  readonly now: () => Date;
}

/** The member's own deployment. Throws NOT_FOUND for anybody else's, too; that one is audited. */
export async function findOwnDeployment(
  member: Member,
  deploymentId: string,
  action: AuditAction,
  ports: ReadDeploymentsPorts,
): Promise<Deployment> {
  const deployment = await ports.deployments.find(deploymentId);
  const notFound = {
    code: 'NOT_FOUND',
    message: `there is no deployment ${deploymentId} of yours`,
  } as const;
  if (deployment === undefined) throw new EdgebootError(notFound.code, notFound.message);
  if (deployment.memberId === member.memberId) return deployment;
  throw await deny(
    ports,
    { actor: `member:${member.memberId}`, action, deploymentId, reason: "another member's deployment" },
    notFound,
  );
}

/** History after an event already seen (0: from the start); `sequence` counts up. */
export async function readEvents(
  member: Member,
  deploymentId: string,
  after: number,
  ports: ReadDeploymentsPorts,
): Promise<readonly DeploymentEvent[]> {
  await findOwnDeployment(member, deploymentId, 'deployment.read', ports);
  return ports.deployments.eventsAfter(deploymentId, after);
}
