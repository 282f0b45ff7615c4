/** What every cluster of this host needs, whoever wishes it: a federation or the host's operator. */
import path from 'node:path';
import { probeAcceleration } from '#shared/host/probe-acceleration.ts';
import type { Log } from '#shared/log-fields.ts';
import { readOrMakeClusterKey } from '../adapters/cluster-key.ts';
import { openClusterFiles } from '../adapters/file-cluster-files.ts';
import { openFileJournal } from '../adapters/file-journal.ts';
import { createGuestSignals } from '../adapters/guest-signals.ts';
import { ensureNatNetwork, removeNatNetwork } from '../adapters/nat-network.ts';
import { probeAddress } from '../adapters/probe-address.ts';
import { createQemuNodeDisks } from '../adapters/qemu-node-disks.ts';
import { allocationTurns } from '../adapters/state-directory-lock.ts';
import { tellGuest } from '../adapters/tell-guest.ts';
import { createUserDataChannel } from '../adapters/user-data-channel.ts';
import { BaseImages } from '../base-image/base-images.ts';
import { composeImageCache } from '../cache/compose.ts';
import type { AgentConfig } from '../config.ts';
import { createLibvirtDriver } from '../drivers/libvirt/libvirt-driver.ts';
import { createQemuDriver } from '../drivers/qemu/qemu-driver.ts';
import { composePeers } from '../peers/compose.ts';
import type { HostDescription, HypervisorDriver } from '../ports.ts';

/** Left to the host itself where the operator says nothing. */
const RESERVED_MEMORY_MIB = 1024;

export type Host = Awaited<ReturnType<typeof composeHost>>;

/** @param undo takes what must be closed. Throws HYPERVISOR_BUSY, PREREQUISITE_MISSING, INVALID_CONFIG. */
export async function composeHost(config: AgentConfig, undo: AsyncDisposableStack, log?: Log) {
  const { stateDirectory, publicNetwork, qemuUser } = config;
  const imageCache = await composeImageCache(config);
  const peers = await composePeers(config.peers, undo, log);

  const acceleration = await probeAcceleration({ qemuUser });
  const driver = undo.adopt(await openDriver(config, acceleration), ({ hypervisor }) => hypervisor.close());
  const { hypervisor, bridgeOf } = driver;
  const host = await hypervisor.describeHost();
  const { link, nat, gateway, netmask, userDataFirstAddress } = publicNetwork;
  const publicBridge = async (): Promise<string> => (link.kind === 'bridge' ? link.name : bridgeOf(link.name));
  return {
    host,
    hypervisor,
    imageCache,
    journal: await openFileJournal(stateDirectory),
    clusterFiles: await openClusterFiles(stateDirectory),
    nodeDisks: createQemuNodeDisks({ applianceDirectory: path.join(stateDirectory, 'appliance'), acceleration }),
    guestSignals: createGuestSignals(),
    tellGuest,
    userData: createUserDataChannel(),
    clusterKey: readOrMakeClusterKey,
    baseImages: new BaseImages({ cache: imageCache, peers }),
    ensurePublicNetwork: async () => {
      if (nat !== undefined) await ensureNatNetwork({ bridge: nat.bridge, gatewayAddress: gateway, netmask });
    },
    removePublicNetwork: async () => {
      if (nat !== undefined) await removeNatNetwork(nat.bridge);
    },
    publicBridge: async () => (userDataFirstAddress === undefined ? undefined : publicBridge()),
    isAddressInUse: async (address: string) => probeAddress(await publicBridge(), address),
    resources: {
      cpus: config.capacity.cpus ?? host.cpus,
      memoryMiB: config.capacity.memoryMiB ?? Math.max(0, host.memoryMiB - RESERVED_MEMORY_MIB),
      publicNetwork,
      extraNetworks: config.extraNetworks,
    },
    allocating: allocationTurns(stateDirectory),
    readyTimeoutSeconds: config.readyTimeoutSeconds,
  };
}

export interface OpenedDriver {
  readonly hypervisor: HypervisorDriver;
  /** The bridge behind one of libvirt's networks. */
  readonly bridgeOf: (libvirtNetwork: string) => Promise<string>;
}

export async function openDriver(
  config: Pick<AgentConfig, 'driver' | 'libvirtUri' | 'stateDirectory' | 'qemuUser'>,
  acceleration: HostDescription['acceleration'],
): Promise<OpenedDriver> {
  if (config.driver === 'libvirt') {
    const hypervisor = await createLibvirtDriver({ uri: config.libvirtUri, acceleration });
    return { hypervisor, bridgeOf: (name) => hypervisor.bridgeOf(name) };
  }
  const stateDirectory = path.join(config.stateDirectory, 'qemu');
  const hypervisor = await createQemuDriver({ stateDirectory, acceleration, qemuUser: config.qemuUser });
  return { hypervisor, bridgeOf: (name) => Promise.resolve(name) };
}
