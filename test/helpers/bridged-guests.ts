/** Real kernels behind veth pairs, in network namespaces of their own, plugged into a bridge as guests are. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext } from 'node:test';
import { type CommandResult, runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';

export interface BridgedGuest {
  /** Runs a program in the guest, whatever its exit status. */
  readonly run: (...command: string[]) => Promise<CommandResult>;
}

const ip = (...args: string[]): Promise<string> => runCommandOrThrow('ip', args);

export async function makeBridge(t: TestContext, bridge: string): Promise<void> {
  await ip('link', 'add', bridge, 'type', 'bridge');
  t.after(() => runCommand('ip', ['link', 'delete', bridge]));
  await ip('link', 'set', bridge, 'up');
}

let guests = 0;

/** Its eth0 is up and has no address. */
export async function plugInGuest(t: TestContext, bridge: string, macAddress: string): Promise<BridgedGuest> {
  const port = `guest${guests++}`;
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], { stdio: 'pipe' });
  t.after(async () => {
    // The kernel would clear it away with the namespace, but some time later.
    await runCommand('ip', ['link', 'delete', port]);
    child.stdin.end();
    await once(child, 'close');
  });
  await once(child.stdout, 'data');
  const pid = `${child.pid ?? ''}`;
  await ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid, 'address', macAddress);
  await ip('link', 'set', port, 'master', bridge, 'up');
  const run = (...command: string[]) => runCommand('nsenter', ['--net', '--target', pid, ...command]);
  await run('ip', 'link', 'set', 'eth0', 'up');
  return { run };
}
