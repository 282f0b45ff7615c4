/** An agent's report moves the deployment's row through the state machine, by a conditional write. */
import { applyReport, type Report } from '#shared/apply-report.ts';
import { type Deployment, isOutcome } from '#shared/deployment.ts';
import { hasCode } from '#shared/errors.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { DeploymentStore } from '../ports.ts';
import { findDeploymentAt } from '../read-job/read-job.ts';

export interface RecordReportPorts extends DeliveryPorts {
  readonly deployments: DeploymentStore;
  readonly now: () => Date;
}

/** A member's wish may be written between our read and our write: read again, this often at most. */
const MAX_ATTEMPTS = 5;

/** Throws NOT_FOUND, SUPERSEDED, CLAIMED_ELSEWHERE, CONFLICT. */
export async function recordReport(
  siteId: string,
  deploymentId: string,
  report: Report,
  ports: RecordReportPorts,
): Promise<Deployment> {
  for (let attempt = 1; ; attempt++) {
    const before = await findDeploymentAt(siteId, deploymentId, ports.deployments);
    const { row: after, changed } = applyReport(before, report, ports.now().toISOString());
    if (!changed) return before;
    try {
      return await commit(before, after, ports);
    } catch (error) {
      if (!hasCode(error, 'CONFLICT') || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** Progress within a phase changes the row alone; a new phase is an event; an outcome is in the audit trail, too. */
async function commit(before: Deployment, next: Deployment, ports: RecordReportPorts): Promise<Deployment> {
  if (next.phase === before.phase) {
    await ports.deployments.replace(before, next, undefined, []);
    return next;
  }
  const audited = isOutcome(next.phase, next.desired);
  const after = audited ? { ...next, auditSequence: next.auditSequence + 1 } : next;
  const { deploymentId, siteId, phase, version, updatedAt, desired } = after;
  const failure = phase === 'FAILED' ? after.failure : undefined;
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
