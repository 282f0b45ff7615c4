/** A fresh grant for a transfer that outlives its first one. Each renewal is authorized anew. */
import type { AuditRecord } from '#shared/audit.ts';
import { type Deployment, isTerminal } from '#shared/deployment.ts';
import type { Grant } from '#shared/grant.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { DeploymentStore, SiteStore, UrlSigner } from '../ports.ts';
import { findDeploymentAt } from '../read-job/read-job.ts';

export interface RenewUrlsPorts extends DeliveryPorts {
  readonly deployments: DeploymentStore;
  readonly sites: SiteStore;
  readonly urlSigner: UrlSigner;
  readonly now: () => Date;
}

/** Throws NOT_FOUND, FORBIDDEN (the deployment needs its image no more), CONFLICT, SERVICE_UNAVAILABLE. */
export async function renewUrls(siteId: string, deploymentId: string, ports: RenewUrlsPorts): Promise<Grant> {
  const deployment = await findDeploymentAt(siteId, deploymentId, ports.deployments);
  const decision = {
    actor: `agent:${siteId}`,
    action: 'urls.mint',
    deploymentId,
    siteId,
    imageId: deployment.imageId,
  } as const;
  if (isTerminal(deployment.phase) || deployment.desired.power === 'destroyed') {
    throw await deny(ports, {
      ...decision,
      reason: `a deployment that is ${deployment.phase} needs its image no more`,
    });
  }
  const site = await ports.sites.find(siteId);
  const grant = await ports.urlSigner.mint({ imageId: deployment.imageId, egressAddress: site?.egressAddress });
  await recordMint(deployment, { ...decision, decision: 'allow', reason: `URLs until ${grant.expiresAt}` }, ports);
  return grant;
}

/** Conditional on the row as it was read: had it changed meanwhile, the grant would not be given. Throws CONFLICT. */
async function recordMint(
  before: Deployment,
  record: Omit<AuditRecord, 'auditId' | 'at' | 'sequence'>,
  ports: RenewUrlsPorts,
): Promise<void> {
  const auditSequence = before.auditSequence + 1;
  const entry = auditEntry(ports.now().toISOString(), { ...record, sequence: auditSequence });
  const after = { ...before, version: before.version + 1, auditSequence };
  await ports.deployments.replace(before, after, undefined, [entry]);
  await deliverOutbox([entry], ports);
}
