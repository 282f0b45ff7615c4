/** One message about a warming: is it still to be done, do it, and report how it ended. handle-message.ts settles the rest. */
import { boundedText } from '#shared/log-fields.ts';
import type { WarmingMessage } from '#shared/messages.ts';
import { isWarmingOver } from '#shared/warming.ts';
import { finalFailure } from './final-failure.ts';
import type { JobQueue, ReceivedMessage } from './ports.ts';
import type { WarmRun } from './run.ts';
import { failureOf } from './steps/report-status.ts';
import { reportWarming } from './steps/report-warming.ts';
import { warm, type WarmPorts } from './warm.ts';

export type HandleWarmingPorts = WarmPorts & { readonly queue: JobQueue };

/** The message is deleted once the end is recorded. Throws where it is not over: trying again may help. */
export async function handleWarming(
  { warmingId, grant }: WarmingMessage,
  received: ReceivedMessage,
  signal: AbortSignal,
  ports: HandleWarmingPorts,
): Promise<void> {
  const { messageId, receiveCount } = received;
  ports.log.info('message received', { messageId, warmingId, count: receiveCount });
  const job = await ports.api.readWarming(warmingId, signal);
  if (!isWarmingOver(job.warming)) await fulfill({ job, grant, signal }, receiveCount, ports);
  await ports.queue.delete(received);
}

async function fulfill(run: WarmRun, receiveCount: number, ports: WarmPorts): Promise<void> {
  try {
    await warm(run, ports);
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    const final = finalFailure(error, receiveCount);
    if (final === undefined) throw error;
    const { warmingId } = run.job.warming;
    const failure = failureOf(final);
    ports.log.error('warming failed', { warmingId, errorCode: final.code, reason: boundedText(final.message) });
    await reportWarming({ phase: 'FAILED', failure }, run, ports);
  }
}
