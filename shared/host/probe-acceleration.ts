/**
 * Does KVM truly work here? A /dev/kvm that opens is no proof: inside some virtual machines it fails as soon as a guest runs. So
 * a guest of 512 bytes is run, as the user that QEMU will run as.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

export interface AccelerationProbeOptions {
  /** The user that libvirt runs QEMU as; used only where we are root. `undefined`: as ourselves. */
  readonly qemuUser: string | undefined;
}

/** Debian's libvirt runs QEMU as this user. */
export const DEBIAN_QEMU_USER = 'libvirt-qemu';

const TIMEOUT_SECONDS = 2;
const EXIT_PORT = 0xf4;
/** What the guest writes to the port; isa-debug-exit ends QEMU with twice that plus one. */
const EXIT_VALUE = 0x10;
const EXPECTED_EXIT_CODE = EXIT_VALUE * 2 + 1;

/**
 * Takes at most about two seconds.
 * @returns `emulation` whenever the guest did not do exactly what it should.
 */
export async function probeAcceleration(options: AccelerationProbeOptions): Promise<'kvm' | 'emulation'> {
  const directory = await mkdtemp(join(tmpdir(), 'edgeboot-kvm-'));
  try {
    await chmod(directory, 0o755);
    const disk = join(directory, 'probe.img');
    await writeFile(disk, probeBootSector(), { mode: 0o644 });
    const qemu = [
      ...['qemu-system-x86_64', '-accel', 'kvm', '-cpu', 'host', '-m', '16'],
      ...['-nodefaults', '-display', 'none', '-no-reboot'],
      ...['-device', `isa-debug-exit,iobase=${EXIT_PORT},iosize=1`],
      ...['-drive', `file=${disk},format=raw,if=ide,snapshot=on`],
    ];
    const [command = '', ...args] = [...asUser(options.qemuUser), ...qemu];
    const { exitCode } = await runCommand(command, args, { timeoutSeconds: TIMEOUT_SECONDS });
    return exitCode === EXPECTED_EXIT_CODE ? 'kvm' : 'emulation';
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function asUser(user: string | undefined): string[] {
  if (user === undefined || process.getuid?.() !== 0) return [];
  return ['setpriv', `--reuid=${user}`, `--init-groups`, `--regid=${user}`, '--'];
}

/** cli; mov dx, EXIT_PORT; mov al, EXIT_VALUE; out dx, al; then halt for ever. */
function probeBootSector(): Buffer {
  const sector = Buffer.alloc(512);
  Buffer.from([0xfa, 0xba, EXIT_PORT, 0x00, 0xb0, EXIT_VALUE, 0xee, 0xf4, 0xeb, 0xfd]).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
