/** A machine on a network, as far as a test needs one: a network namespace with one interface, eth0. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { runCommand, runCommandOrThrow, type CommandResult } from '#shared/host/run-command.ts';

export interface NetworkHost {
  /** Runs a program there. */
  readonly run: (...command: string[]) => Promise<string>;
  /** Waits for one connection. @returns where it came from, once somebody has connected. */
  readonly serve: (port: number) => Promise<{ readonly connectedFrom: Promise<string> }>;
  /** Tries to connect, for two seconds. */
  readonly connect: (address: string, port: number, from?: string) => Promise<boolean>;
}

export interface NetworkHostOptions {
  /** Name of the interface outside; it is plugged into `bridge`, or has an address of its own. */
  readonly link: string;
  readonly bridge?: string;
  readonly macAddress?: string;
  /** With the length of the prefix. */
  readonly address?: string;
  readonly gateway?: string;
}

const SERVE = `require('net').createServer((socket) => {
  console.log(socket.remoteAddress);
  process.exit();
}).listen(Number(process.argv[1]), () => console.log('listening'));`;
const CONNECT = `const [, host, port, localAddress] = process.argv;
setTimeout(() => process.exit(1), 2000);
require('net').connect({ host, port, localAddress }).on('error', () => process.exit(1)).on('connect', () => process.exit(0));`;

/** Only inside namespaces: see in-namespaces.ts. */
export async function startNetworkHost(t: TestContext, options: NetworkHostOptions): Promise<NetworkHost> {
  const { link, bridge, macAddress, address, gateway } = options;
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], { stdio: 'pipe' });
  t.after(async () => {
    // The kernel would clear it away with the namespace, but some time later.
    await runCommand('ip', ['link', 'delete', link]);
    child.stdin.end();
    await once(child, 'close');
  });
  await once(child.stdout, 'data');
  const pid = String(child.pid);
  const inside = ['nsenter', '--net', '--target', pid, '--'] as const;
  const attempt = (...command: string[]): Promise<CommandResult> =>
    runCommand(inside[0], [...inside.slice(1), ...command]);
  const run = (...command: string[]): Promise<string> => runCommandOrThrow(inside[0], [...inside.slice(1), ...command]);

  const peer = ['peer', 'name', 'eth0', 'netns', pid, ...(macAddress === undefined ? [] : ['address', macAddress])];
  await runCommandOrThrow('ip', ['link', 'add', link, 'type', 'veth', ...peer]);
  if (bridge !== undefined) await runCommandOrThrow('ip', ['link', 'set', link, 'master', bridge]);
  await runCommandOrThrow('ip', ['link', 'set', link, 'up']);
  await run('ip', 'link', 'set', 'lo', 'up');
  await run('ip', 'link', 'set', 'eth0', 'up');
  if (address !== undefined) await run('ip', 'address', 'add', address, 'dev', 'eth0');
  if (gateway !== undefined) await run('ip', 'route', 'add', 'default', 'via', gateway);
  return {
    run,
    serve: async (port) => {
      const server = spawn(inside[0], [...inside.slice(1), process.execPath, '-e', SERVE, String(port)]);
      t.after(() => server.kill('SIGKILL'));
      await once(server.stdout, 'data');
      const connectedFrom = once(server.stdout, 'data').then(([line]) => String(line).trim().replace('::ffff:', ''));
      return { connectedFrom };
    },
    connect: async (host, port, from) => {
      const target = [host, String(port), ...(from === undefined ? [] : [from])];
      return (await attempt(process.execPath, '-e', CONNECT, ...target)).exitCode === 0;
    },
  };
}
