/** A fresh grant for a transfer that outlives its first one. Each renewal is authorized anew. */
import type { AuditRecord } from '#shared/audit.ts';
import type { Deployment, Phase } from '#shared/deployment.ts';
import type { Grant } from '#shared/grant.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry } from '../outbox/entries.ts';
import { findDeploymentAt, type SiteDeploymentPorts } from '../read-job/read-job.ts';
import { mintForSite, type MintForSitePorts } from '../mint-for-site.ts';
import { retryConflict } from '../retry-conflict.ts';
import { requireStillAllowed, type StillAllowedPorts } from '../still-allowed.ts';

export type RenewUrlsPorts = SiteDeploymentPorts & MintForSitePorts & StillAllowedPorts;

/** In these, something of the image may still have to be fetched. */
const WORKING_PHASES: readonly Phase[] = ['ACCEPTED', 'FETCHING', 'PERSONALIZING', 'BOOTING', 'SCALING'];

/**
 * Minted once, and given only when the row allowed it at the moment that the record of it was written.
 * Throws NOT_FOUND, FORBIDDEN (the deployment needs its image no more), IMAGE_RECALLED, VETOED, ACCESS_WITHDRAWN, CONFLICT, SERVICE_UNAVAILABLE.
 */
export async function renewUrls(siteId: string, deploymentId: string, ports: RenewUrlsPorts): Promise<Grant> {
  let minted: Promise<Grant> | undefined;
  return retryConflict(
    () => findWorking(siteId, deploymentId, ports),
    async (deployment) => {
      const grant = await (minted ??= mintForSite(deployment, ports));
      const reason = `URLs until ${grant.expiresAt}`;
      await recordMint(deployment, { ...mintOf(deployment), decision: 'allow', reason }, ports);
      return grant;
    },
  );
}

async function findWorking(siteId: string, deploymentId: string, ports: RenewUrlsPorts): Promise<Deployment> {
  const deployment = await findDeploymentAt(siteId, deploymentId, 'urls.mint', ports);
  const { phase, desired } = deployment;
  if (WORKING_PHASES.includes(phase) && desired.power === 'on') {
    const asker = await ports.deployments.findAsker(deploymentId);
    await requireStillAllowed(deployment, asker, mintOf(deployment), ports);
    return deployment;
  }
  const state = desired.power === 'destroyed' ? `${phase} and to be destroyed` : phase;
  throw await deny(ports, { ...mintOf(deployment), reason: `a deployment that is ${state} needs its image no more` });
}

function mintOf({ siteId, deploymentId, imageId }: Deployment) {
  return { actor: `agent:${siteId}`, action: 'urls.mint', deploymentId, siteId, imageId } as const;
}

/** Throws CONFLICT where the row is not as it was read. */
async function recordMint(
  before: Deployment,
  record: Omit<AuditRecord, 'auditId' | 'at' | 'sequence'>,
  ports: RenewUrlsPorts,
): Promise<void> {
  const auditSequence = before.auditSequence + 1;
  const auditedAt = ports.now().toISOString();
  const entry = auditEntry(auditedAt, { ...record, sequence: auditSequence });
  const after = { ...before, version: before.version + 1, auditSequence, auditedAt };
  await ports.deployments.replace(before, after, undefined, [entry]);
  await deliverOutbox([entry], ports);
}
