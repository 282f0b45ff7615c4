/** Where the ports of the commands without a federation meet their adapters. */
import path from 'node:path';
import { holdLock } from '../adapters/host-lock.ts';
import { createFederationApi } from '../adapters/http-federation-api.ts';
import { clusterLocks } from '../adapters/state-directory-lock.ts';
import { BaseImages } from '../base-image/base-images.ts';
import { composeImageCache } from '../cache/compose.ts';
import { type AgentConfig, requireFederation } from '../config.ts';
import { composeHost, type Host } from '../host/compose.ts';
import { readIdentity } from '../identity.ts';
import type { SitePeers } from '../peers/site-peers.ts';
import { openRepository } from '../repositories/open-repository.ts';
import { openTransfers } from '../transfer/open-transfers.ts';
import type { AddKeysPorts } from './add-keys.ts';
import type { StandalonePorts } from './boot.ts';
import type { OwnFederation } from './clean-forgotten.ts';
import { imageFinder, type RepositoryPorts } from './find-image.ts';

export interface Standalone extends AsyncDisposable {
  readonly ports: StandalonePorts & AddKeysPorts;
  /** Throws INVALID_CONFIG where this host belongs to none. */
  readonly openFederation: () => Promise<OwnFederation>;
}

/** Throws HYPERVISOR_BUSY, PREREQUISITE_MISSING, INVALID_CONFIG. */
export async function composeStandalone(config: AgentConfig): Promise<Standalone> {
  await using undo = new AsyncDisposableStack();
  const host = await composeHost(config, undo);
  const findImage = imageFinder(await composeRepositories(config, host));
  const linkOf: StandalonePorts['linkOf'] = (name) =>
    config.driver === 'libvirt' ? { kind: 'libvirt-network', name } : { kind: 'bridge', name };
  const tryHoldCluster = clusterLocks(config.stateDirectory);
  const held = undo.move();
  const ports = { ...host, findImage, linkOf, tryHoldCluster };
  return { ports, openFederation: () => openFederation(config), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function openFederation(config: AgentConfig): Promise<OwnFederation> {
  const { apiUrl, stateDirectory } = requireFederation(config);
  const identity = await readIdentity(stateDirectory);
  return { siteId: identity.siteId, api: createFederationApi(apiUrl, identity) };
}

/** For those who only fetch: no hypervisor is needed. @param peers where there is no host that has them */
export async function composeRepositories(
  config: AgentConfig,
  host?: Pick<Host, 'baseImages' | 'imageCache'>,
  peers?: SitePeers,
): Promise<RepositoryPorts> {
  const { stateDirectory, repositoryHosts } = config;
  const { flow, connections, bandwidth } = openTransfers(config.transfer);
  const imageCache = host?.imageCache ?? (await composeImageCache(config));
  return {
    imageCache,
    baseImages: host?.baseImages ?? new BaseImages({ cache: imageCache, peers }),
    pinsDirectory: path.join(stateDirectory, 'pins'),
    flow,
    holdLock,
    openRepository: (address) => openRepository(address, { connections, bandwidth, repositoryHosts }),
  };
}
