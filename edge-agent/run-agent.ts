/** The agent's life: recover, announce, poll, and on SIGTERM or SIGINT give back what is not done. */
import { EdgebootError } from '#shared/errors.ts';
import { announceRegularly } from './announce.ts';
import { composeAgent } from './compose.ts';
import type { FederationConfig } from './config.ts';
import { createMessageHandler } from './handle-message.ts';
import { poll } from './poll.ts';
import { recover } from './recover.ts';

/** Resolves after an orderly stop. Throws INVALID_CONFIG, SERVICE_UNAVAILABLE, HYPERVISOR_BUSY, CONFLICT (it runs already). */
export async function runAgent(config: FederationConfig, logLevel: string): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new EdgebootError('SHUTDOWN', 'the agent was stopped'));
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);

  await using agent = await composeAgent(config, logLevel);
  const { log, host } = agent.ports;
  if (host.acceleration === 'emulation') {
    log.warn('KVM does not truly work here: guests run under emulation, many times slower');
  }
  await recover(agent.ports);
  announceRegularly(agent.ports, stop.signal);
  log.info('agent ready', { agentId: agent.ports.agentId, acceleration: host.acceleration });
  const handleMessage = createMessageHandler(agent.ports, stop.signal);
  await poll({ ...agent.ports, handleMessage }, stop.signal);
  log.info('agent stopped');
}
