/** Where the agent's ports meet their adapters. */
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { probeAcceleration } from '#shared/host/probe-acceleration.ts';
import { findMissingTools } from './adapters/host-tools.ts';
import { createFederationApi } from './adapters/http-federation-api.ts';
import { openClusterFiles } from './adapters/file-cluster-files.ts';
import { measureClockSkew } from './adapters/clock-skew.ts';
import { openFileJournal } from './adapters/file-journal.ts';
import { createGuestSignals } from './adapters/guest-signals.ts';
import { pinoLog } from './adapters/pino-log.ts';
import { createQemuNodeDisks } from './adapters/qemu-node-disks.ts';
import { createSqsJobQueue } from './adapters/sqs-job-queue.ts';
import { holdStateDirectory } from './adapters/state-directory-lock.ts';
import { BaseImages } from './base-image/base-images.ts';
import type { AgentConfig } from './config.ts';
import { ensureDirectory } from './durable-files.ts';
import type { DoctorPorts } from './doctor.ts';
import { createLibvirtDriver } from './drivers/libvirt/libvirt-driver.ts';
import type { HandlePorts } from './handle-message.ts';
import { readIdentity } from './identity.ts';
import type { RecoverPorts } from './recover.ts';
import { findEdgeCandidates } from './repositories/edge-candidates.ts';
import { measureEdges } from './repositories/measure-edges.ts';
import { openCloudFront } from './repositories/open-cloudfront.ts';
import { serializer } from './serialize.ts';

/** What the doctor looks at: each when it is asked for, so that one thing amiss does not hide the others. */
export function composeDoctor(config: AgentConfig): DoctorPorts {
  const { stateDirectory, resolvers } = config;
  const api = async () => createFederationApi(config.apiUrl, await readIdentity(stateDirectory));
  const openSession = async () => (await api()).openSession();
  return {
    openSession,
    missingTools: findMissingTools,
    probeAcceleration: () => probeAcceleration({ qemuUser: config.qemuUser }),
    describeHost: async () => {
      const driver = await createLibvirtDriver({ uri: config.libvirtUri, acceleration: 'emulation' });
      return driver.describeHost().finally(() => driver.close());
    },
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(stateDirectory);
      return bavail * bsize;
    },
    clockSkewSeconds: () => measureClockSkew(config.apiUrl),
    queueDepth: async () => (await createSqsJobQueue(openSession)).depth(),
    measureEdges: async (distributionUrl) => {
      const addresses = await findEdgeCandidates(new URL(distributionUrl).hostname, resolvers);
      return measureEdges(distributionUrl, addresses, AbortSignal.timeout(10_000));
    },
  };
}

/** Left to the host itself where the operator says nothing. */
const RESERVED_MEMORY_MIB = 1024;

export type AgentPorts = HandlePorts & RecoverPorts;

export interface Agent extends AsyncDisposable {
  readonly ports: AgentPorts;
}

/** Throws INVALID_CONFIG (not enrolled), CONFLICT (another agent has the state directory), HYPERVISOR_BUSY, SERVICE_UNAVAILABLE. */
export async function composeAgent(config: AgentConfig, logLevel: string): Promise<Agent> {
  const { stateDirectory, publicNetwork, resolvers, connections } = config;
  const identity = await readIdentity(stateDirectory);
  await using undo = new AsyncDisposableStack();
  undo.adopt(await holdStateDirectory(stateDirectory), (release) => release());

  const log = pinoLog({ siteId: identity.siteId }, logLevel);
  const api = createFederationApi(config.apiUrl, identity);
  const acceleration = await probeAcceleration({ qemuUser: config.qemuUser });
  const hypervisor = undo.adopt(await createLibvirtDriver({ uri: config.libvirtUri, acceleration }), (driver) =>
    driver.close(),
  );
  const host = await hypervisor.describeHost();
  const cacheDirectory = path.join(stateDirectory, 'cache');
  const manifestDirectory = path.join(cacheDirectory, 'manifests');
  for (const directory of [stateDirectory, cacheDirectory, manifestDirectory]) await ensureDirectory(directory, 0o711);

  const ports: AgentPorts = {
    siteId: identity.siteId,
    agentId: identity.agentId,
    rootPublicKeyPem: identity.rootPublicKeyPem,
    log,
    api,
    host,
    hypervisor,
    queue: await createSqsJobQueue(() => api.openSession()),
    journal: await openFileJournal(stateDirectory),
    clusterFiles: await openClusterFiles(stateDirectory),
    nodeDisks: createQemuNodeDisks(),
    guestSignals: createGuestSignals(),
    baseImages: new BaseImages({ cacheDirectory }),
    manifestDirectory,
    openRepository: async (grants, signal) => {
      const repository = await openCloudFront({ grants, resolvers, connections, signal });
      for (const { address, roundTripMilliseconds } of repository.edges)
        log.info('edge measured', { address, roundTripMilliseconds });
      return repository;
    },
    connections,
    publicNetwork,
    resources: {
      cpus: config.capacity.cpus ?? host.cpus,
      memoryMiB: config.capacity.memoryMiB ?? Math.max(0, host.memoryMiB - RESERVED_MEMORY_MIB),
      publicNetwork,
    },
    allocating: serializer(),
    readyTimeoutSeconds: config.readyTimeoutSeconds,
  };
  const held = undo.move();
  return { ports, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
