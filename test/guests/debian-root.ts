/** The root of a small Debian, as mmdebstrap makes it from this host's own package sources. Kept as an archive: it takes a minute. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { holdLock } from '../../edge-agent/adapters/host-lock.ts';

const SUITE = 'bookworm';
const SOURCES = '/etc/apt/sources.list.d';
const MAX_SECONDS = 900;
/** Documentation, hardware databases and other languages: a third of the size. */
const EXCLUDED = ['doc', 'man', 'info', 'locale'].map((name) => `/usr/share/${name}/*`).concat('/usr/lib/udev/hwdb*');
const EVERYWHERE = ['systemd', 'systemd-sysv', 'udev', 'kmod', 'iproute2', 'openssh-server', 'openssh-client'];

/**
 * @param packages beside those that every guest needs.
 * @returns a tar archive.
 */
export async function debianRootArchive(
  packages: readonly string[],
  cacheDirectory: string,
  log: (line: string) => void,
): Promise<string> {
  const folder = join(cacheDirectory, 'debian-roots');
  await mkdir(folder, { recursive: true });
  const include = [...EVERYWHERE, ...packages].join(',');
  const digest = createHash('sha256')
    .update(JSON.stringify([SUITE, EXCLUDED, include]))
    .digest('hex')
    .slice(0, 16);
  const archive = join(folder, `${digest}.tar`);
  const isThere = async (): Promise<boolean> => (await readdir(folder)).includes(`${digest}.tar`);
  if (await isThere()) return archive;
  const release = await holdLock(`root ${archive}`);
  try {
    // Guests that differ in other things have the same root.
    if (!(await isThere())) await bootstrap(archive, include, log);
  } finally {
    await release();
  }
  return archive;
}

async function bootstrap(archive: string, include: string, log: (line: string) => void): Promise<void> {
  log(`bootstrapping a Debian with ${include}`);
  const unfinished = `${archive}.${process.pid}.new.tar`;
  const sources = (await readdir(SOURCES)).filter((name) => /^debian.*\.(?:sources|list)$/.test(name));
  await runCommandOrThrow(
    'mmdebstrap',
    [
      ...['--quiet', '--mode=root', '--variant=minbase', '--format=tar', `--include=${include}`],
      '--aptopt=APT::Install-Recommends "false"',
      ...EXCLUDED.map((path) => `--dpkgopt=path-exclude=${path}`),
      ...[SUITE, unfinished, ...sources.map((name) => join(SOURCES, name))],
    ],
    { timeoutSeconds: MAX_SECONDS },
  );
  await rename(unfinished, archive);
}
