/** Bridges of this host that are ours: marked from their first moment on, and never mistaken for somebody else's. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import * as z from 'zod';
import { isNotThere } from '../durable-files.ts';

export interface HostBridge {
  /** At most 15 characters, and nothing that `ip` would take for an option. */
  readonly name: string;
  /** Whose it is, and what for: becomes the interface's alias, which `ip link` shows. */
  readonly mark: string;
}

export type BridgeOwner = 'nobody' | 'us' | 'others';

const linksSchema = z.tuple([
  z.object({
    mtu: z.int(),
    address: z.string().optional(),
    ifalias: z.string().optional(),
    linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  }),
]);

/** `undefined` where there is no interface of that name. */
async function readLink(name: string) {
  const { exitCode, stdout } = await runCommand('ip', ['-json', '-details', 'link', 'show', 'dev', name]);
  return exitCode === 0 ? linksSchema.parse(JSON.parse(stdout))[0] : undefined;
}

export async function findBridgeOwner({ name, mark }: HostBridge): Promise<BridgeOwner> {
  const link = await readLink(name);
  if (link === undefined) return 'nobody';
  if (link.linkinfo?.info_kind !== 'bridge') return 'others';
  if (link.ifalias === mark) return 'us';
  // Made by one of us who ended before the alias was set: the address is there from the beginning.
  return link.ifalias === undefined && link.address === addressOf(mark) ? 'us' : 'others';
}

/** The MTU of any bridge of this host; `undefined` where there is no bridge of that name. */
export async function readBridgeMtu(name: string): Promise<number | undefined> {
  const link = await readLink(name);
  return link?.linkinfo?.info_kind === 'bridge' ? link.mtu : undefined;
}

/** Makes it where it is not. Only for one that is nobody's or ours: see {@link findBridgeOwner}. */
export async function ensureBridge(bridge: HostBridge): Promise<void> {
  const { name, mark } = bridge;
  if ((await findBridgeOwner(bridge)) === 'nobody') {
    const properties = ['address', addressOf(mark), 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0'];
    await runCommandOrThrow('ip', ['link', 'add', 'name', name, ...properties]);
  }
  await runCommandOrThrow('ip', ['link', 'set', 'dev', name, 'alias', mark]);
  await disableIpv6(name);
  await runCommandOrThrow('ip', ['link', 'set', 'dev', name, 'up']);
}

/** Only where it is ours. Nothing there is fine. */
export async function removeBridge(bridge: HostBridge): Promise<void> {
  if ((await findBridgeOwner(bridge)) === 'us') await runCommandOrThrow('ip', ['link', 'delete', 'dev', bridge.name]);
}

/** A guest could otherwise announce itself as a router, and the host would believe it. Before the interface is up. */
export async function disableIpv6(interfaceName: string): Promise<void> {
  try {
    await writeFile(`/proc/sys/net/ipv6/conf/${interfaceName}/disable_ipv6`, '1');
  } catch (error) {
    // A kernel without IPv6.
    if (!isNotThere(error)) throw error;
  }
}

/** A locally administered address that follows from the mark. */
function addressOf(mark: string): string {
  const digest = createHash('sha256').update(mark).digest();
  return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
