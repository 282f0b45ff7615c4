/** A host with a libvirtd of its own and a folder for disks that QEMU may enter, both gone when the test ends. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DEBIAN_QEMU_USER, probeAcceleration } from '#shared/host/probe-acceleration.ts';
import { startPrivateLibvirtd, type PrivateLibvirtd } from '../../local/libvirtd/private-libvirtd.ts';

export interface LibvirtHost {
  readonly libvirtd: PrivateLibvirtd;
  readonly acceleration: 'kvm' | 'emulation';
  readonly directory: string;
}

/** A folder that QEMU may enter, gone when the test ends. What `undo` is given goes before. */
export async function makeHostDirectory(t: TestContext): Promise<{ directory: string; undo: AsyncDisposableStack }> {
  // Not below /tmp, which may be a small memory file system; short, since sockets go below it.
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  const undo = new AsyncDisposableStack();
  t.after(() => undo.disposeAsync());
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);
  return { directory, undo };
}

/** Only inside namespaces: see in-namespaces.ts. */
export async function startLibvirtHost(t: TestContext): Promise<LibvirtHost> {
  const { directory, undo } = await makeHostDirectory(t);
  const acceleration = await probeAcceleration({ qemuUser: DEBIAN_QEMU_USER });
  const libvirtd = await startPrivateLibvirtd({
    directory: join(directory, 'libvirt'),
    acceleration,
    log: (line) => t.diagnostic(line),
  });
  // In the end its domains and networks go first, which takes its sockets; then the folder.
  undo.defer(() => libvirtd.close());
  return { libvirtd, acceleration, directory };
}
