/** Reports as agents number them. */
import type { Report } from '#shared/apply-report.ts';

let sequence = 0;

/** Of the agent `a`, later than every one before. */
export function nextReport(said: Omit<Report, 'sequence' | 'agentId'>): Report {
  sequence += 1;
  return { agentId: 'a', ...said, sequence };
}
