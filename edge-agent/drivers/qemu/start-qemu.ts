/** Starts QEMU as a process in a session of its own, which runs on when we end; and knows whether it came up. */
import { spawn, type ChildProcess } from 'node:child_process';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { executeQmp } from './qmp.ts';

const START_TIMEOUT_SECONDS = 60;
/** Of what QEMU says when it does not come up. */
const MAX_WORDS_LENGTH = 2000;

export interface QemuUser {
  readonly uid: number;
  readonly gid: number;
}

export interface StartOptions {
  readonly user: QemuUser;
  /** In the child these are 3, 4 and so on, in this order. */
  readonly inherited: readonly number[];
  readonly monitorSocket: string;
}

/** It is on when this comes back. @throws EdgebootError BOOT_FAILED with QEMU's words; nothing of it runs then. */
export async function startQemu(qemuArguments: readonly string[], options: StartOptions): Promise<void> {
  const { user, inherited, monitorSocket } = options;
  const confinement = [
    ...[`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'],
    ...['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'],
  ];
  const child = spawn('setpriv', [...confinement, 'qemu-system-x86_64', ...qemuArguments], {
    cwd: '/',
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', ...inherited],
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-MAX_WORDS_LENGTH)));
  const ended = new Promise<Error>((resolve) => {
    child.once('error', resolve);
    child.once('close', () => resolve(new Error('it ended')));
  });
  try {
    await Promise.race([
      executeQmp(monitorSocket, 'query-status', START_TIMEOUT_SECONDS),
      ended.then((error) => Promise.reject(error)),
    ]);
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    // Where it ended by itself, its own words tell more than a socket that was closed.
    const reason = said.trim() || messageOf(error);
    throw new EdgebootError('BOOT_FAILED', `QEMU does not start: ${reason}`, { cause: error });
  }
  letGo(child);
}

/** From here on nobody listens to what it says: a pipe without a reader, which QEMU does not mind, fills no disk. */
function letGo(child: ChildProcess): void {
  child.stderr?.destroy();
  child.unref();
}
