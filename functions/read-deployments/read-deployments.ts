/** A member's own deployments, and nothing of anybody else's, not even that it exists. */
import type { AuditAction } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
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
export function findOwnDeployment(
  member: Member,
  deploymentId: string,
  action: AuditAction,
  ports: ReadDeploymentsPorts,
): Promise<Deployment> {
  return findDeployment(member, deploymentId, action, () => Promise.resolve(false), ports);
}

/** The member's own, or another's where `isTheirs` says so. Throws NOT_FOUND for anybody else's, too; that one is audited. */
export async function findDeployment(
  member: Member,
  deploymentId: string,
  action: AuditAction,
  isTheirs: (deployment: Deployment) => Promise<boolean>,
  ports: ReadDeploymentsPorts,
): Promise<Deployment> {
  const deployment = await ports.deployments.find(deploymentId);
  const notFound = { code: 'NOT_FOUND', message: `there is no deployment ${deploymentId} of yours` } as const;
  if (deployment === undefined) throw new EdgebootError(notFound.code, notFound.message);
  if (deployment.memberId === member.memberId || (await isTheirs(deployment))) return deployment;
  const actor = `member:${member.memberId}`;
  throw await deny(ports, { actor, action, deploymentId, reason: "another member's deployment" }, notFound);
}
