/**
 * A guest as the original's were: its boot script follows section 5 of the formats, and knows nothing of the kit or of this
 * deployer. It shares only programs with the sample image.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installProgram } from '../../local/sample-image/initramfs.ts';
import type { UnpackedPackages } from '../../local/sample-image/packages.ts';
import { makeRawDisk } from '../../local/sample-image/raw-disk.ts';
import { layOutSystem, type Role } from '../../local/sample-image/root-filesystem.ts';

const DISK_SIZE_BYTES = 256 * 1024 * 1024;
const SCRIPTS = new Map([
  ['rc.sh', 'usr/sbin/start-system'],
  ['vc-out-parser.sh', 'opt/vc/vc-out-parser'],
  ['lease.sh', 'opt/vc/lease'],
]);

export async function buildLegacyGuest(
  packages: UnpackedPackages,
  directory: string,
  workDirectory: string,
): Promise<void> {
  const build = async (role: Role): Promise<void> => {
    const root = join(workDirectory, role);
    await layOutSystem(role, packages, root);
    for (const [script, path] of SCRIPTS) {
      await installProgram(fileURLToPath(new URL(`./legacy/${script}`, import.meta.url)), join(root, path));
    }
    // Such images were made for one kind of node.
    await writeFile(join(root, 'etc/node-type'), `${role}\n`);
    const diskFile = join(directory, `${role}.raw`);
    const { bootLoader } = packages;
    await makeRawDisk({ root, diskFile, sizeBytes: DISK_SIZE_BYTES, bootLoader, fileSystem: 'ext4' });
  };
  await Promise.all([build('frontend'), build('compute')]);
}
