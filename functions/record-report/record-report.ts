/** An agent's report moves the deployment's row through the state machine, by a conditional write. */
import { applyReport, type Report } from '#shared/apply-report.ts';
import { type Deployment, isOutcome } from '#shared/deployment.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import { findDeploymentAt, type SiteDeploymentPorts } from '../read-job/read-job.ts';
import { retryConflict } from '../retry-conflict.ts';

/** Throws NOT_FOUND, SUPERSEDED, CLAIMED_ELSEWHERE, CONFLICT. */
export async function recordReport(
  siteId: string,
  deploymentId: string,
  report: Report,
  ports: SiteDeploymentPorts,
): Promise<Deployment> {
  return retryConflict(
    async () => {
      const before = await findDeploymentAt(siteId, deploymentId, 'deployment.report', ports);
      return { before, ...applyReport(before, report, ports.now().toISOString()) };
    },
    ({ before, row, changed }) => (changed ? commit(before, row, ports) : Promise.resolve(before)),
  );
}

/** Progress within a phase changes the row alone; a new phase is an event; an outcome is in the audit trail, too. */
async function commit(before: Deployment, next: Deployment, ports: SiteDeploymentPorts): Promise<Deployment> {
  if (next.phase === before.phase) {
    await ports.deployments.replace(before, next, undefined, []);
    return next;
  }
  const audited = isOutcome(next);
  const after = audited ? { ...next, auditSequence: next.auditSequence + 1 } : next;
  const { deploymentId, siteId, phase, version, updatedAt, desired, failure } = after;
  const actor = `agent:${siteId}/${after.agentId ?? ''}`;
  const event = {
    deploymentId,
    sequence: version,
    at: updatedAt,
    phase,
    generation: desired.generation,
    actor,
    ...(failure && { failure }),
  };
  const record = {
    actor,
    action: 'deployment.report',
    decision: 'allow',
    deploymentId,
    sequence: after.auditSequence,
    siteId,
    imageId: after.imageId,
    reason: failure ? `${phase} ${failure.code}` : phase,
  } as const;
  const outbox = audited ? [auditEntry(updatedAt, record)] : [];
  await ports.deployments.replace(before, after, event, outbox);
  await deliverOutbox(outbox, ports);
  return after;
}
