/** Where the agent's ports meet their adapters. */
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { probeAcceleration } from '#shared/host/probe-acceleration.ts';
import type { AnnouncePorts } from './announce.ts';
import { findMissingTools } from './adapters/host-tools.ts';
import { createFederationApi } from './adapters/http-federation-api.ts';
import { measureClockSkew } from './adapters/clock-skew.ts';
import { pinoLog } from './adapters/pino-log.ts';
import { createSqsJobQueue } from './adapters/sqs-job-queue.ts';
import { holdStateDirectory } from './adapters/state-directory-lock.ts';
import { type AgentConfig, type FederationConfig, requireFederation } from './config.ts';
import { ensureDirectory, isNotThere } from './durable-files.ts';
import type { DoctorPorts } from './doctor.ts';
import type { HandlePorts } from './handle-message.ts';
import { composeHost, openDriver } from './host/compose.ts';
import { readIdentity } from './identity.ts';
import { listenForPeers } from './peers/compose.ts';
import type { RecoverPorts } from './recover.ts';
import { findEdgeCandidates } from './repositories/edge-candidates.ts';
import { measureEdges } from './repositories/measure-edges.ts';
import { openCloudFront } from './repositories/open-cloudfront.ts';
import { recording } from './repositories/recording.ts';
import { openTransfers } from './transfer/open-transfers.ts';

/** What the doctor looks at: each when it is asked for, so that one thing amiss does not hide the others. */
export function composeDoctor(config: AgentConfig): DoctorPorts {
  const { stateDirectory, resolvers } = config;
  const apiUrl = (): string => requireFederation(config).apiUrl;
  const api = async () => createFederationApi(apiUrl(), await readIdentity(stateDirectory));
  const openSession = async () => (await api()).openSession();
  return {
    openSession,
    missingTools: findMissingTools,
    probeAcceleration: () => probeAcceleration({ qemuUser: config.qemuUser }),
    describeHost: async () => {
      const { hypervisor } = await openDriver(config, 'emulation');
      return hypervisor.describeHost().finally(() => hypervisor.close());
    },
    freeBytes: () => freeBytesAt(stateDirectory),
    clockSkewSeconds: () => measureClockSkew(apiUrl()),
    queueDepth: async () => (await createSqsJobQueue(openSession)).depth(),
    measureEdges: async (distributionUrl) => {
      const addresses = await findEdgeCandidates(new URL(distributionUrl).hostname, resolvers);
      return measureEdges(distributionUrl, addresses, AbortSignal.timeout(10_000));
    },
  };
}

/** Where there is no such folder yet: of the file system that it will be on. */
async function freeBytesAt(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if (!isNotThere(error)) throw error;
    return freeBytesAt(path.dirname(folder));
  }
}

export type AgentPorts = AnnouncePorts & HandlePorts & RecoverPorts;

export interface Agent extends AsyncDisposable {
  readonly ports: AgentPorts;
}

/** Throws INVALID_CONFIG (not enrolled), CONFLICT (another agent has the state directory), HYPERVISOR_BUSY, SERVICE_UNAVAILABLE. */
export async function composeAgent(config: FederationConfig, logLevel: string): Promise<Agent> {
  const { stateDirectory, resolvers } = config;
  const { flow, connections, bandwidth } = openTransfers(config.transfer);
  const identity = await readIdentity(stateDirectory);
  await using undo = new AsyncDisposableStack();
  undo.adopt(await holdStateDirectory(stateDirectory), (release) => release());

  const log = pinoLog({ siteId: identity.siteId }, logLevel);
  const api = createFederationApi(config.apiUrl, identity);
  const host = await composeHost(config, undo, log);
  if (config.peers !== undefined) undo.use(await listenForPeers(config.peers, host));
  const { manifestDirectory } = host.imageCache;
  await ensureDirectory(manifestDirectory, 0o711);

  const ports: AgentPorts = {
    ...host,
    siteId: identity.siteId,
    agentId: identity.agentId,
    rootPublicKeyPem: identity.rootPublicKeyPem,
    log,
    api,
    queue: await createSqsJobQueue(() => api.openSession()),
    manifestDirectory,
    openRepository: async (grants, choice, signal) => {
      const repository = await openCloudFront({ grants, resolvers, connections, bandwidth, choice, signal });
      for (const { address, roundTripMilliseconds } of repository.edges)
        log.info('edge measured', { address, roundTripMilliseconds });
      return recording(repository, (fetched) => log.debug('object fetched', fetched));
    },
    flow,
  };
  const held = undo.move();
  return { ports, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
