/**
 * A libvirtd of our own, for the demo and the tests: real, but over private folders, so that the host's own libvirt (if there is
 * one) neither sees nor disturbs it. It lives in its own mount and process namespaces and ends with whoever started it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EdgebootError } from '#shared/errors.ts';
import { mountNamespaceArguments } from '#shared/host/mount-namespace.ts';

export interface PrivateLibvirtdOptions {
  /** Short, since sockets go below it; made where it is missing. The caller removes it after `close()`. */
  readonly directory: string;
  /** As probed. Where KVM does not truly work, /dev/kvm is hidden from libvirtd, which would probe it again and again. */
  readonly acceleration: 'kvm' | 'emulation';
  readonly log: (line: string) => void;
}

export interface PrivateLibvirtd {
  /** To connect with; stays the same over a restart. */
  readonly uri: string;
  /** Kills the daemon as a crash would; its domains run on. */
  stopDaemon(): Promise<void>;
  startDaemon(): Promise<void>;
  /** Destroys every domain and network of this libvirtd, then the daemon. */
  close(): Promise<void>;
}

const SUPERVISOR = new URL('./supervise.sh', import.meta.url).pathname;
const LOG_TAIL_LENGTH = 2000;

/** @throws EdgebootError PREREQUISITE_MISSING when libvirtd does not start, with the end of its log. */
export async function startPrivateLibvirtd(options: PrivateLibvirtdOptions): Promise<PrivateLibvirtd> {
  const { directory, log } = options;
  await writeConfiguration(directory);
  const supervisor = spawn(
    'unshare',
    [
      ...[...mountNamespaceArguments(), '--pid', '--fork', '--mount-proc', '--kill-child'],
      ...['bash', SUPERVISOR, directory, options.acceleration === 'kvm' ? 'no' : 'yes'],
    ],
    // A Ctrl-C goes to our whole process group: it must not end the supervisor before its cleaning-up.
    { stdio: 'pipe', detached: true },
  );
  const answers = createInterface({ input: supervisor.stdout });
  createInterface({ input: supervisor.stderr }).on('line', (line) => log(`libvirtd: ${line}`));
  supervisor.stdin.on('error', () => undefined);
  const ended = once(supervisor, 'close');

  const order = async (word: 'start' | 'stop'): Promise<string> => {
    const answer = Promise.race([once(answers, 'line'), ended.then(() => ['ended'])]);
    supervisor.stdin.write(`${word}\n`);
    const [line] = (await answer) as [string];
    return line;
  };
  const close = async (): Promise<void> => {
    supervisor.stdin.end();
    await ended;
  };
  const startDaemon = async (): Promise<void> => {
    if ((await order('start')) === 'started') return;
    await close();
    throw await startFailure(directory);
  };

  await startDaemon();
  return {
    uri: `qemu:///system?socket=${directory}/sock/libvirt-sock`,
    startDaemon,
    stopDaemon: async () => {
      await order('stop');
    },
    close,
  };
}

async function writeConfiguration(directory: string): Promise<void> {
  await Promise.all(
    ['etc', 'sock', 'log/qemu', 'lib/dnsmasq', 'lib/qemu', 'cache', 'run'].map((folder) =>
      mkdir(join(directory, folder), { recursive: true }),
    ),
  );
  await writeFile(
    join(directory, 'libvirtd.conf'),
    [
      `unix_sock_dir = "${directory}/sock"`,
      'unix_sock_rw_perms = "0700"',
      // Root alone reaches the socket.
      'auth_unix_ro = "none"',
      'auth_unix_rw = "none"',
      'log_filters = ""',
      `log_outputs = "3:file:${directory}/log/libvirtd.log"`,
      '',
    ].join('\n'),
  );
  await writeFile(
    join(directory, 'etc/qemu.conf'),
    [
      // No virtlogd and no namespace per domain: fewer daemons to end, and QEMU needs no device of the host's.
      'stdio_handler = "file"',
      'namespaces = []',
      // Nothing is left in the host's control groups.
      'cgroup_controllers = []',
      'security_driver = "none"',
      '',
    ].join('\n'),
  );
}

async function startFailure(directory: string): Promise<EdgebootError> {
  const logs = await Promise.all(
    ['libvirtd.log', 'log/libvirtd.log'].map((file) => readFile(join(directory, file), 'utf8').catch(() => '')),
  );
  const tail = logs.join('\n').trim().slice(-LOG_TAIL_LENGTH);
  return new EdgebootError(
    'PREREQUISITE_MISSING',
    `libvirtd does not start: ${tail === '' ? 'no word from it' : tail}`,
  );
}
