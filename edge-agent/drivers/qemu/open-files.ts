/** What QEMU is given open: it runs as a user that may open none of it by itself, and in no folder that it could write into. */
import { createHash } from 'node:crypto';
import { chmod, open, rm } from 'node:fs/promises';
import { closeSync } from 'node:fs';
import { EdgebootError } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { disableIpv6, readBridgeMtu } from '../../adapters/host-bridge.ts';
import { bridgeName } from '../../core/libvirt-names.ts';
import type { NodeInterface, NodePlan } from '../../ports.ts';
import type { KernelCalls } from './kernel-calls.ts';

/** Our own copies of the files; disposing closes them. Taps and sockets that nobody else holds are gone then. */
export interface OpenedFiles extends AsyncDisposable {
  readonly monitor: number;
  readonly console: number;
  readonly ready: number;
  readonly taps: readonly number[];
}

/** @throws EdgebootError BOOT_FAILED when a bridge is missing. */
export async function openFiles(
  kernel: KernelCalls,
  deploymentId: string,
  node: NodePlan,
  monitorSocket: string,
): Promise<OpenedFiles> {
  await using undo = new AsyncDisposableStack();
  const socketAt = async (path: string): Promise<number> => {
    await rm(path, { force: true });
    const socket = undo.adopt(kernel.bindUnixSocket(path), closeSync);
    await chmod(path, 0o600);
    kernel.listen(socket);
    return socket;
  };
  const monitor = await socketAt(monitorSocket);
  const console = await socketAt(node.consoleSocket);
  const ready = await socketAt(node.readySocket);
  const taps: number[] = [];
  for (const [i, nic] of node.interfaces.entries()) {
    const tun = undo.use(await open('/dev/net/tun', 'r+'));
    await plugIn(kernel, tun.fd, tapName(deploymentId, node.name, i), nic, bridgeFor(deploymentId, nic));
    taps.push(tun.fd);
  }
  const held = undo.move();
  return { monitor, console, ready, taps, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function plugIn(
  kernel: KernelCalls,
  tunFile: number,
  tap: string,
  { macAddress }: NodeInterface,
  bridge: string,
): Promise<void> {
  const mtu = await readBridgeMtu(bridge);
  if (mtu === undefined) throw new EdgebootError('BOOT_FAILED', `there is no bridge ${bridge} on this host`);
  kernel.makeTap(tunFile, tap);
  await disableIpv6(tap);
  // A bridge without an address of its own takes the lowest of its ports': none of ours is to be that.
  const address = `fe${macAddress.slice(2)}`;
  await runCommandOrThrow('ip', ['link', 'set', 'dev', tap, 'address', address, 'mtu', String(mtu), 'master', bridge]);
  await runCommandOrThrow('ip', ['link', 'set', 'dev', tap, 'up']);
}

/** The bridge that an interface is plugged into. @throws EdgebootError INVALID_CONFIG for a network of libvirt's. */
export function bridgeFor(deploymentId: string, { link }: NodeInterface): string {
  if (link.kind === 'private') return bridgeName(deploymentId);
  if (link.kind === 'bridge') return link.name;
  throw new EdgebootError('INVALID_CONFIG', `the libvirt network ${link.name} cannot be used without libvirt`, {
    remedy: 'Name a bridge of this host instead, or let libvirt run the nodes.',
  });
}

/** At most 15 characters. */
function tapName(deploymentId: string, nodeName: string, index: number): string {
  const short = createHash('sha256').update(`${deploymentId}/${nodeName}`).digest('hex').slice(0, 10);
  return `ebt${short}${index}`;
}
