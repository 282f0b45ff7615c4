/** What a member sees of deployments: their own, and nothing of anybody else's, not even that it exists. */
import type { deploymentListResponse } from '#shared/api.ts';
import type { AuditAction } from '#shared/audit.ts';
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type * as z from 'zod';
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

const PAGE_DEPLOYMENTS = 100;

/** The member's own deployments, newest first, a page at a time: those older than `before`, where it is given. */
export async function listDeployments(
  member: Member,
  before: string | undefined,
  ports: ReadDeploymentsPorts,
): Promise<z.infer<typeof deploymentListResponse>> {
  const found = await ports.deployments.listByMember(member.memberId, before, PAGE_DEPLOYMENTS + 1);
  const deployments = found.slice(0, PAGE_DEPLOYMENTS);
  const last = deployments.at(-1);
  return { deployments, ...(found.length > PAGE_DEPLOYMENTS && last && { nextBefore: last.deploymentId }) };
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
