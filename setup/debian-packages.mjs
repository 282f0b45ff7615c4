// The Debian packages that the commands need beside Node.js.
import { spawnSync } from 'node:child_process';
import { fail, run, say } from './exec.mjs';

const PACKAGES = [
  // guests, and their disks
  'qemu-system-x86',
  'qemu-utils',
  'libvirt-daemon-system',
  'libvirt-clients',
  // without it libvirtd does not start again beside a network with addresses
  'dnsmasq-base',
  'e2fsprogs',
  // the seeds of guests with cloud-init
  'xorriso',
  // all of the programs in the VM that writes into xfs; and the tests' own xfs
  'busybox-static',
  'xfsprogs',
  // with busybox and dnsmasq: user data for guests that ask for it
  'socat',
  // inflates older images several times as fast as zlib
  'libisal2',
  // networks, and the member's ssh
  'iproute2',
  // the way out of sites without public addresses
  'nftables',
  'openssh-client',
  // the plain web server of the tests' repositories, and a certificate that nobody trusts
  'nginx-light',
  'openssl',
  // the other signer of CloudFront URLs, which ours is held against
  'python3-botocore',
  // the tests' Debian guests
  'mmdebstrap',
  // the tests' looks at processes
  'procps',
  // compressed kernel modules, as some hosts have them
  'xz-utils',
];

/** What the benchmark measures against. */
export const BENCHMARK_PACKAGES = ['aria2', 'casync', 'curl', 'pigz', 'rclone', 'wget', 'zstd'];

/** @param further needed beside those that every command needs */
export function missingDebianPackages(further = []) {
  const needed = [...PACKAGES, ...further];
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...needed], {
    encoding: 'utf8',
  });
  const installed = new Set(
    (query.stdout ?? '')
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return needed.filter((name) => !installed.has(name));
}

/** Ends with status 69 where apt cannot. */
export async function installDebianPackages(missing) {
  say(`installing Debian packages: ${missing.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, onLine: () => undefined };
  if ((await run('apt-get', ['update', '-qq'], quiet)) !== 0) fail(69, 'apt-get update failed.');

  let total = 0;
  let installed = 0;
  const onLine = (line) => {
    const counted = /^(\d+) (?:upgraded|newly installed)?.*?(\d+) newly installed/.exec(line);
    if (counted) total = Number(counted[2]);
    if (!line.startsWith('Setting up ')) return;
    installed++;
    if (installed % 20 === 0 || installed === total) say(`  set up ${installed} of ${total} packages`);
  };
  const args = ['install', '-y', '-q', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', ...missing];
  if ((await run('apt-get', args, { env, onLine })) !== 0) fail(69, 'apt-get install failed: its words are above.');
}
