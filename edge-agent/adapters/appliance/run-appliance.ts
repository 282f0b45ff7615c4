/**
 * Boots the appliance over a guest's partition. Hostile content is parsed inside the VM alone; its process is confined as well: a
 * user who owns nothing, no network, no other process in sight, system calls filtered, and of the disks only the partition.
 */
import { constants } from 'node:fs';
import { stat } from 'node:fs/promises';
import { runCommand } from '#shared/host/run-command.ts';
import { CONFINED_ID } from '../disk-tool.ts';
import type { Appliance } from './open-appliance.ts';

export interface ApplianceRun {
  /** File names in the work directory, where the process starts. */
  readonly partition: string;
  readonly task: string;
  readonly answer: string;
  readonly workDirectory: string;
  readonly acceleration: 'kvm' | 'emulation';
}

export interface ApplianceEnd {
  /** False where it had to be ended. */
  readonly inTime: boolean;
  /** What the VM wrote on its console: not to be trusted. */
  readonly console: string;
  /** What QEMU said. */
  readonly complaints: string;
}

/** A start takes 5 s under emulation; a log may be long. */
const TIMEOUT_SECONDS = 300;
/** Mounting and replaying a log want more than the kernel itself; what is not used is never taken from the host. */
const MEMORY_MIB = 512;
/** Descriptors in the VM's process. */
const [KERNEL_FD, INITRAMFS_FD] = [3, 4];
const KERNEL_OPTIONS = 'console=ttyS0 quiet panic=-1 no_timer_check mitigations=off cryptomgr.notests';

/** Ends when the VM ends, after five minutes at the latest. Throws the signal's reason when it was aborted. */
export async function runAppliance(
  appliance: Appliance,
  run: ApplianceRun,
  signal: AbortSignal,
): Promise<ApplianceEnd> {
  const [command = '', ...args] = [...(await confinement(run.acceleration)), ...qemuCommand(run)];
  const { exitCode, stdout, stderr } = await runCommand(command, args, {
    workingDirectory: run.workDirectory,
    environment: { PATH: process.env['PATH'], LC_ALL: 'C' },
    timeoutSeconds: TIMEOUT_SECONDS,
    openFiles: [appliance.kernel.fd, appliance.initramfs.fd],
    signal,
  });
  return { inTime: exitCode !== undefined, console: stdout, complaints: stderr };
}

/** Dies with us: setpriv binds unshare to us, unshare its child to itself, and once more after the change of user. */
async function confinement(acceleration: ApplianceRun['acceleration']): Promise<string[]> {
  const groups = acceleration === 'kvm' ? await groupsForKvm() : NO_GROUPS;
  return [
    ...['setpriv', '--pdeathsig', 'KILL', '--'],
    ...['unshare', '--net', '--ipc', '--pid', '--fork', '--kill-child', '--'],
    ...['setpriv', '--reuid', `${CONFINED_ID}`, '--regid', `${CONFINED_ID}`, ...groups, '--no-new-privs'],
    ...['--bounding-set', '-all', '--pdeathsig', 'KILL', '--'],
  ];
}

const NO_GROUPS = ['--clear-groups'];

/** The group that may use /dev/kvm, where it is one made for that. */
async function groupsForKvm(): Promise<string[]> {
  const { gid, mode } = await stat('/dev/kvm');
  return gid !== 0 && (mode & constants.S_IWGRP) !== 0 ? ['--groups', `${gid}`] : NO_GROUPS;
}

function qemuCommand({ partition, task, answer, acceleration }: ApplianceRun): string[] {
  const disks = [disk('partition', partition, false), disk('task', task, true), disk('answer', answer, false)];
  return [
    ...['qemu-system-x86_64', '-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot', '-machine', 'pc'],
    // KVM that nobody may use here: slower, but the same.
    ...(acceleration === 'kvm' ? ['-accel', 'kvm', '-accel', 'tcg'] : ['-accel', 'tcg']),
    ...['-cpu', 'max', '-smp', '1', '-m', `${MEMORY_MIB}`],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    // Through the descriptors: the folders above may be closed to everybody.
    ...['-kernel', `/proc/self/fd/${KERNEL_FD}`, '-initrd', `/proc/self/fd/${INITRAMFS_FD}`],
    ...['-append', KERNEL_OPTIONS, '-serial', 'stdio'],
    ...disks.flat(),
  ];
}

/** Seen in the order of their slots. A full disk is an I/O error inside: QEMU would otherwise wait for somebody to make room. */
function disk(name: string, filename: string, readOnly: boolean): string[] {
  const file = { driver: 'file', filename, 'node-name': `${name}-file`, 'read-only': readOnly };
  return [
    ...['-blockdev', JSON.stringify(file)],
    ...['-blockdev', JSON.stringify({ driver: 'raw', file: `${name}-file`, 'node-name': name, 'read-only': readOnly })],
    ...['-device', `virtio-blk-pci,drive=${name},werror=report,rerror=report`],
  ];
}
