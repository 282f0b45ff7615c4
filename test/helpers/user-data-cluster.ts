/** A cluster whose nodes are served user data on its own bridge and on the public one; what is left of it in the end. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { createUserDataChannel } from '../../edge-agent/adapters/user-data-channel.ts';
import { bridgeName } from '../../edge-agent/core/libvirt-names.ts';
import { linkNames } from '../../edge-agent/core/user-data-channel.ts';
import type { ChannelPlan, ServedNetwork, ServedNode } from '../../edge-agent/ports.ts';
import { type BridgedGuest, makeBridge } from './bridged-guests.ts';

export const DEPLOYMENT_IDS = ['01JDABCDEFGHJKMNPQRSTVWXYZ', '01JDABCDEFGHJKMNPQRSTVWXY0'] as const;
export const PUBLIC_BRIDGE = 'public';
export const SERVER = '10.1.0.2';
export const PUBLIC_SERVER = '192.0.2.110';
const UDHCPC_SCRIPT = path.join(import.meta.dirname, '../fixtures/user-data/udhcpc.sh');

export interface UserDataCluster {
  readonly plan: ChannelPlan & { readonly networks: readonly [ServedNetwork, ...ServedNetwork[]] };
  /** The private one. */
  readonly bridge: string;
  /** MAC addresses: the frontend's, the compute's, the frontend's public one. */
  readonly frontendMac: string;
  readonly computeMac: string;
  readonly publicMac: string;
}

/**
 * A frontend on both networks, and a compute. Closed in the end.
 * @param mark two digits that are in MAC addresses and documents
 */
export async function makeUserDataCluster(
  t: TestContext,
  {
    deploymentId = DEPLOYMENT_IDS[0],
    mark = '01',
    withBridges = true,
  }: { deploymentId?: string; mark?: string; withBridges?: boolean } = {},
): Promise<UserDataCluster> {
  const directory = await mkdtemp(path.join(tmpdir(), 'edgeboot-test-'));
  const bridge = bridgeName(deploymentId);
  const macAddress = (number: number): string => `02:ab:cd:ef:${mark}:0${number}`;
  const node = (number: number, address: string, hostname: string, gateway?: string): ServedNode => ({
    ...{ macAddress: macAddress(number), address, gateway, hostname },
    document: `<vc><!-- ${mark} ${hostname} --></vc>\n`,
  });
  const privately = {
    ...{ bridge, serverAddress: SERVER, netmask: '255.255.0.0' },
    nodes: [node(1, '10.1.1.1', 'vc1'), node(2, '10.1.255.254', 'compute-0', '10.1.1.1')],
  };
  const publicly = {
    ...{ bridge: PUBLIC_BRIDGE, serverAddress: PUBLIC_SERVER, netmask: '255.255.255.0' },
    nodes: [node(3, '192.0.2.10', 'vc1', '192.0.2.1')],
  };
  t.after(async () => {
    await createUserDataChannel().close({ deploymentId, directory });
    await rm(directory, { recursive: true });
  });
  if (withBridges) await makeBridge(t, bridge);
  return {
    plan: { deploymentId, directory, networks: [privately, publicly] },
    ...{ bridge, frontendMac: macAddress(1), computeMac: macAddress(2), publicMac: macAddress(3) },
  };
}

/** What the lease says; `undefined` where nobody answers. */
export async function askDhcp({ run }: BridgedGuest, ...more: string[]): Promise<string | undefined> {
  const options = ['-i', 'eth0', '-f', '-n', '-q', '-t', '3', '-T', '1', '-s', UDHCPC_SCRIPT, ...more];
  const { exitCode, stdout } = await run('busybox', 'udhcpc', ...options);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** `''` where nobody answers. */
export async function fetchUserData({ run }: BridgedGuest, server = SERVER): Promise<string> {
  const url = `http://${server}/latest/user-data`;
  return (await run('timeout', '5', 'busybox', 'wget', '-q', '-O', '-', url)).stdout;
}

export const NOTHING = { serving: [], links: [], files: [] };

/** Everything that a channel is made of, as the host sees it. Of processes, those of all channels. */
export async function partsOf({ deploymentId, directory }: ChannelPlan) {
  const processes = await runCommandOrThrow('ps', ['-e', '-o', 'pid=,args=']);
  const serving = processes.split('\n').filter((line) => /dnsmasq|socat|serve\.sh/.test(line));
  const links = new Set(await readdir('/sys/class/net'));
  const files = await readdir(directory);
  return { serving, links: linkNames(deploymentId).filter((name) => links.has(name)), files };
}
