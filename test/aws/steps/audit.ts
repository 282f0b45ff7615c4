/** The audit trail, read by an operator: nothing of what was decided is missing. */
import { ERROR_KINDS, EdgebootError } from '#shared/errors.ts';
import { poll } from '../poll.ts';
import { need, type Step } from '../step.ts';

/** Records that were just written may take a moment until they are found. */
const TRAIL = { everySeconds: 10, forSeconds: 120 };

export const AUDIT: readonly Step[] = [
  {
    name: 'verify the audit trail',
    why: 'every decision of the deployment and the warmings above is there, without a gap',
    makes: () => [],
    costs: 'a few requests to the API',
    run: async (run) => {
      const whole = await poll({ ...TRAIL, signal: run.signal }, async () => {
        run.counts.commands += 1;
        const args = ['audit', 'verify', '--since', '3h', '--output', 'json'];
        const { exitCode, stdout, stderr } = await need(run, 'operator').run(args, undefined, run.signal);
        if (exitCode === ERROR_KINDS.AUDIT_INCOMPLETE.exitCode) return undefined;
        if (exitCode !== 0)
          throw new EdgebootError('INTERNAL', `edgeboot audit verify ended with ${exitCode}: ${stderr.trim()}`);
        return JSON.parse(stdout) as { records: number; subjects: number };
      });
      if (whole === undefined) throw new EdgebootError('AUDIT_INCOMPLETE', 'the audit trail has gaps');
      if (whole.subjects === 0) throw new EdgebootError('INTERNAL', 'the audit trail knows of nothing that was done');
      return `${whole.records} records of ${whole.subjects} deployments and warmings, none missing`;
    },
    undo: [],
  },
];
