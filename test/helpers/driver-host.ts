/** What the suite over all drivers needs of a driver's host, and what it does there as an operator would. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { domainName } from '../../edge-agent/core/libvirt-names.ts';
import type { ClusterIdentity, HypervisorDriver, NodePlan } from '../../edge-agent/ports.ts';
import { writeTinyGuest, type TinyGuestOptions } from './tiny-guest.ts';

export interface DriverHost {
  /** A folder that QEMU may enter. */
  readonly directory: string;
  readonly acceleration: 'kvm' | 'emulation';
  /** Another one over the same host; closed when the test ends. */
  openDriver(t: TestContext): Promise<HypervisorDriver>;
  /** Arguments for test/fixtures/boot-with-driver.ts, which opens one in a process of its own. */
  readonly driverArguments: readonly string[];
  /** Names of everything that is defined on the host. */
  listDefinitions(): Promise<readonly string[]>;
}

/** A plan for the guest of 512 bytes, with its disks. The last digit of the MAC addresses is the node's own. */
export async function planNode(
  host: DriverHost,
  name: string,
  change: Partial<NodePlan> = {},
  guest: TinyGuestOptions = {},
): Promise<NodePlan> {
  const backingFile = join(host.directory, `${name}.raw`);
  const overlayFile = join(host.directory, `${name}.qcow2`);
  await writeTinyGuest(backingFile, guest);
  await runCommandOrThrow('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', backingFile, '-F', 'raw', overlayFile]);
  return {
    ...{ name, role: 'compute', cpus: 1, memoryMiB: 16, backingFile, overlayFile },
    hardware: { diskBus: 'virtio', nicModel: 'virtio' },
    interfaces: [{ macAddress: macAddress(name), link: { kind: 'private' } }],
    readySocket: join(host.directory, `${name}.ready`),
    consoleSocket: join(host.directory, `${name}.console`),
    ...change,
  };
}

/** @param name ends in a digit. */
export function macAddress(name: string, which = 0): string {
  return `52:54:00:00:0${which}:0${name.at(-1) ?? ''}`;
}

export async function writeSeed(host: DriverHost, name: string): Promise<string> {
  const seedFile = join(host.directory, `${name}.seed`);
  await writeFile(seedFile, Buffer.alloc(512 * 1024), { mode: 0o600 });
  return seedFile;
}

/** Comes back when the guest has said that it is ready. */
export async function hearConsole(node: NodePlan): Promise<void> {
  const socket = connect(node.consoleSocket);
  let heard = '';
  try {
    while (!heard.includes('READY')) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      heard += chunk.toString();
    }
  } finally {
    socket.destroy();
  }
}

/** All processes of QEMU that are a node's. */
export async function pidsOf(cluster: ClusterIdentity, node: Pick<NodePlan, 'name'>): Promise<number[]> {
  const pattern = `^[^ ]*qemu-system-x86_64 -name guest=${domainName(cluster.deploymentId, node.name)}[ ,]`;
  const { stdout } = await runCommand('pgrep', ['--full', '--', pattern]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

export async function pidOf(cluster: ClusterIdentity, node: Pick<NodePlan, 'name'>): Promise<number> {
  const pids = await pidsOf(cluster, node);
  assert.equal(pids.length, 1, `${node.name} is one process`);
  return pids[0] ?? 0;
}

/** Whether a process has a file open: told by what it is, since names differ where roots and mounts do. */
export async function hasOpen(pid: number, file: string): Promise<boolean> {
  const wanted = await stat(file);
  const folder = `/proc/${pid}/fd`;
  const opened = await Promise.all(
    (await readdir(folder)).map((name) => stat(join(folder, name)).catch(() => undefined)),
  );
  return opened.some((one) => one?.ino === wanted.ino && one.dev === wanted.dev);
}

/** No process, no interface, no definition, no rule. */
export async function assertNothingLeft(host: DriverHost): Promise<void> {
  assert.deepEqual(await host.listDefinitions(), []);
  assert.doesNotMatch(await runCommandOrThrow('ps', ['-e', '-o', 'stat,comm']), /^[^Z].*qemu/m);
  assert.doesNotMatch(await runCommandOrThrow('ip', ['link']), /\b(?:eb-|ebt|vnet)/);
  assert.doesNotMatch(await runCommandOrThrow('iptables-save', []), /\beb-/);
}
