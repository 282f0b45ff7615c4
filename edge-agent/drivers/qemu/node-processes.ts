/**
 * The QEMU processes of our nodes, found by their command lines in /proc: no file can be out of date, and a process that has ended
 * but was not waited for has no command line any more.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EdgebootError } from '#shared/errors.ts';
import { domainName, networkName, stableUuid } from '../../core/libvirt-names.ts';
import { readProcessMark } from '../../core/qemu-arguments.ts';
import type { KernelCalls } from './kernel-calls.ts';
import { isSocketHeld } from './qmp.ts';

const LOOK_AGAIN_SECONDS = 0.05;
/** QEMU writes out what it holds of the disk. */
const TERMINATE_SECONDS = 5;
const KILL_SECONDS = 10;
const ROOT = 0;

export interface NodeProcess {
  readonly nodeName: string;
  readonly pid: number;
}

export interface NodeProcesses {
  find(deploymentId: string): Promise<readonly NodeProcess[]>;
  /** Also while a process is on its way to become QEMU. */
  isRunning(deploymentId: string, nodeName: string, monitorSocket: string): Promise<boolean>;
  /** Comes back when nothing of it is left. @throws EdgebootError HYPERVISOR_BUSY when it cannot be ended. */
  end(deploymentId: string, nodeName: string, monitorSocket: string): Promise<void>;
}

/** @param qemuUid what our processes run as: somebody else's that looks like one of them is none. */
export function createNodeProcesses(kernel: KernelCalls, qemuUid: number): NodeProcesses {
  /** @returns `undefined` for a process that is not one of ours, and for one that has ended. */
  const nodeOf = async (pid: number, deploymentId: string): Promise<string | undefined> => {
    try {
      const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
      const mark = readProcessMark(commandLine);
      const prefix = `${networkName(deploymentId)}-`;
      if (mark?.domain.startsWith(prefix) !== true) return undefined;
      const nodeName = mark.domain.slice(prefix.length);
      if (mark.uuid !== stableUuid(deploymentId, `node/${nodeName}`)) return undefined;
      const { uid } = await stat(`/proc/${pid}`);
      return uid === qemuUid || uid === ROOT ? nodeName : undefined;
    } catch {
      return undefined;
    }
  };
  const find = async (deploymentId: string): Promise<NodeProcess[]> => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const found = await Promise.all(
      pids.map(async (pid) => {
        const nodeName = await nodeOf(pid, deploymentId);
        return nodeName === undefined ? [] : [{ nodeName, pid }];
      }),
    );
    return found.flat();
  };
  const pidsOf = async (deploymentId: string, nodeName: string): Promise<number[]> =>
    (await find(deploymentId)).filter((process) => process.nodeName === nodeName).map(({ pid }) => pid);

  return {
    find,
    isRunning: async (deploymentId, nodeName, monitorSocket) =>
      (await pidsOf(deploymentId, nodeName)).length > 0 || (await isSocketHeld(monitorSocket)),
    end: async (deploymentId, nodeName, monitorSocket) => {
      const isMeant = async (pid: number): Promise<boolean> => (await nodeOf(pid, deploymentId)) === nodeName;
      const asked = new Set<number>();
      const start = performance.now();
      for (;;) {
        const pids = await pidsOf(deploymentId, nodeName);
        if (pids.length === 0 && !(await isSocketHeld(monitorSocket))) return;
        const seconds = (performance.now() - start) / 1000;
        if (seconds > TERMINATE_SECONDS + KILL_SECONDS) throw doesNotEnd(domainName(deploymentId, nodeName));
        for (const pid of pids) {
          if (seconds > TERMINATE_SECONDS) await kernel.signal(pid, 'SIGKILL', isMeant);
          else if (!asked.has(pid)) await kernel.signal(pid, 'SIGTERM', isMeant);
          asked.add(pid);
        }
        await delay(LOOK_AGAIN_SECONDS * 1000);
      }
    },
  };
}

function doesNotEnd(domain: string): EdgebootError {
  return new EdgebootError('HYPERVISOR_BUSY', `the process of ${domain} does not end`, {
    remedy: 'Look for a disk or a network file system that does not answer, then try again.',
  });
}
