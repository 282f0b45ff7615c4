/** Arguments of `unshare` for a mount namespace of one's own. */
import { readFileSync } from 'node:fs';

/**
 * Mounts made inside are not seen outside. unshare does that to the mount at `/`; in a chroot there is none (its root is a plain
 * folder of some other file system), and the mounts' propagation stays as whoever made the chroot has it.
 */
export function mountNamespaceArguments(): string[] {
  return ['--mount', '--propagation', rootIsMountPoint() ? 'private' : 'unchanged'];
}

/** The fifth field of a line is the mount point, as seen from our root: proc_pid_mountinfo(5). */
function rootIsMountPoint(): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === '/');
}
