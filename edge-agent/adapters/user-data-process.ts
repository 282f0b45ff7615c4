/** The processes of a user-data channel, and the namespaces that live as long as they do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EdgebootError } from '#shared/errors.ts';
import { CONFINED_ID } from './disk-tool.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';

const SERVE_SCRIPT = path.join(import.meta.dirname, '../user-data/serve.sh');
/** Starting takes some 0.1 s. */
const START_TIMEOUT_SECONDS = 30;
const POLL_SECONDS = 0.01;
const NOT_FOUND = 127;
const DHCP_PORT = 67;
const HTTP_PORT = 80;
/** State of a TCP socket: TCP_LISTEN of the kernel. */
const LISTENING = '0A';

export interface StartedChannel extends Disposable {
  /** First process of the namespaces: all others end with it. */
  readonly process: ProcessIdentity;
  /** Resolves when it serves. Until then it waits; disposed of before, or when we end, it ends too. */
  serve(): Promise<void>;
}

/** Throws PREREQUISITE_MISSING; Error with the programs' words. */
export async function startChannel(directory: string): Promise<StartedChannel> {
  const namespaces = ['--net', '--ipc', '--pid', '--fork', '--kill-child'];
  const child = spawn('unshare', [...namespaces, '--', 'sh', SERVE_SCRIPT, `${CONFINED_ID}`], {
    ...{ cwd: directory, stdio: 'pipe', detached: true },
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2000)));
  child.stdin.on('error', () => undefined);
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      reject(
        code === NOT_FOUND
          ? new EdgebootError('PREREQUISITE_MISSING', said.trim())
          : new Error(said.trim() || 'it ended'),
      );
    });
  });
  ended.catch(() => undefined);

  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
  const identity = await identifyProcess(Number(line.toString()));
  if (identity === undefined) throw new Error(`the first process ended: ${said.trim()}`);
  return {
    process: identity,
    async serve() {
      child.stdin.write('serve\n');
      await Promise.race([untilListening(identity), ended]);
    },
    [Symbol.dispose]() {
      child.stdin.end();
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    },
  };
}

async function untilListening(identity: ProcessIdentity): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_SECONDS * 1000;
  while (!(await listensOn(identity.pid))) {
    if (!(await isRunning(identity)) || performance.now() > deadline) throw new Error('it does not serve');
    await delay(POLL_SECONDS * 1000);
  }
}

/** Both servers: sockets of the namespace that the process is in. proc_pid_net(5). */
export async function listensOn(pid: number): Promise<boolean> {
  const table = async (name: 'tcp' | 'udp'): Promise<string[][]> =>
    (await readFile(`/proc/${pid}/net/${name}`, 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  try {
    const isAt = (port: number, [, local = '']: readonly string[]): boolean =>
      local.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`);
    const http = (await table('tcp')).some((row) => isAt(HTTP_PORT, row) && row[3] === LISTENING);
    return http && (await table('udp')).some((row) => isAt(DHCP_PORT, row));
  } catch {
    return false;
  }
}
