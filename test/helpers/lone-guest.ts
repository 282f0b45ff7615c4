/** One guest under QEMU's emulation, with networks that need no privilege: for tests of what a guest itself does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { READY_PORT_NAME } from '../../edge-agent/core/node-machine.ts';

const RETRY_SECONDS = 0.2;
/** Where each interface sits, as in real domains. */
const FIRST_INTERFACE_SLOT = 3;

export interface LoneGuestOptions {
  readonly name: string;
  /** For the socket of the ready port; short. */
  readonly directory: string;
  /** A qcow2 overlay. */
  readonly disk: string;
  /** A second disk, read-only. */
  readonly seedFile?: string;
  readonly memoryMiB: number;
  /** What is behind each interface: QEMU's -netdev, without its id. */
  readonly networks: readonly { readonly macAddress: string; readonly netdev: string }[];
}

export interface LoneGuest {
  readonly console: () => string;
  /** Resolves with the next line from the ready port that matches. Rejects with the console's end when time is up. */
  readonly awaitLine: (pattern: RegExp, timeoutSeconds: number) => Promise<string>;
  /** Resolves once the console has said it. */
  readonly awaitConsole: (pattern: RegExp, timeoutSeconds: number) => Promise<void>;
  readonly say: (line: string) => void;
}

/** A network in QEMU itself, with a gateway at `host`, and port 22 of the guest reached at a port of this host. */
export function natNetwork(network: string, host: string, forwarded?: { port: number; address: string }): string {
  const forward = forwarded === undefined ? '' : `,hostfwd=tcp:127.0.0.1:${forwarded.port}-${forwarded.address}:22`;
  return `user,net=${network},host=${host}${forward}`;
}

/** Turned off when the test ends. */
export async function startLoneGuest(t: TestContext, options: LoneGuestOptions): Promise<LoneGuest> {
  const { name, directory, disk, memoryMiB, networks } = options;
  const readySocket = join(directory, `${name}.ready`);
  const interfaces = networks.flatMap(({ macAddress, netdev }, i) => [
    ...['-netdev', `${netdev},id=net${i}`],
    ...['-device', `virtio-net-pci,netdev=net${i},mac=${macAddress},addr=${FIRST_INTERFACE_SLOT + i},romfile=`],
  ]);
  const seed =
    options.seedFile === undefined ? [] : ['-drive', `file=${options.seedFile},format=raw,if=virtio,readonly=on`];
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-name', name, '-machine', 'pc,accel=tcg', '-cpu', 'max', '-m', `${memoryMiB}`, '-nodefaults', '-no-reboot'],
      ...['-display', 'none', '-serial', 'stdio', '-sandbox', 'on', '-device', 'virtio-rng-pci,addr=0xc'],
      ...['-drive', `file=${disk},format=qcow2,if=virtio`, '-device', 'virtio-serial-pci,addr=0xb'],
      ...['-chardev', `socket,id=ready,path=${readySocket},server=on,wait=off`],
      ...['-device', `virtserialport,chardev=ready,name=${READY_PORT_NAME}`, ...seed, ...interfaces],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  const collect = (chunk: Buffer): void => void (text += chunk.toString('latin1'));
  qemu.stdout.on('data', collect);
  qemu.stderr.on('data', collect);
  t.after(async () => {
    if (qemu.exitCode !== null || qemu.signalCode !== null) return;
    qemu.kill('SIGKILL');
    await once(qemu, 'close');
  });

  const port = await connectWhenThere(readySocket, () => qemu.exitCode === null, text);
  t.after(() => port.destroy());
  let rest = '';
  port.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) port.emit('line', line);
  });
  const inTime = async <Value>(
    work: (signal: AbortSignal) => Promise<Value>,
    timeoutSeconds: number,
  ): Promise<Value> => {
    try {
      return await work(AbortSignal.timeout(timeoutSeconds * 1000));
    } catch (cause) {
      throw new Error(`${name} did not do it within ${timeoutSeconds} s; its console:\n${text.slice(-6000)}`, {
        cause,
      });
    }
  };
  return {
    console: () => text,
    say: (line) => void port.write(`${line}\n`),
    awaitLine: (pattern, timeoutSeconds) =>
      inTime(async (signal) => {
        for (;;) {
          const [line] = (await once(port, 'line', { signal })) as [string];
          if (pattern.test(line)) return line;
        }
      }, timeoutSeconds),
    awaitConsole: (pattern, timeoutSeconds) =>
      inTime(async (signal) => {
        while (!pattern.test(text)) await once(qemu.stdout, 'data', { signal });
      }, timeoutSeconds),
  };
}

async function connectWhenThere(path: string, isAlive: () => boolean, text: string): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (cause) {
      if (!isAlive()) throw new Error(`QEMU ended: ${text}`, { cause });
    }
    await delay(RETRY_SECONDS * 1000);
  }
}
