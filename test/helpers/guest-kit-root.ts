/** A folder that looks like a guest's root, for the guest kit to work on: as one of the systems it knows, and with its interfaces. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand, runCommandOrThrow, type CommandResult } from '#shared/host/run-command.ts';

const fileOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** What tells the kit which system it is in. */
const SYSTEMS = {
  netplan: ['usr/sbin/netplan'],
  ifcfg: ['etc/sysconfig/network-scripts/ifup-eth', 'usr/sbin/NetworkManager'],
  networkmanager: ['usr/sbin/NetworkManager'],
  networkd: ['etc/systemd/system/multi-user.target.wants/systemd-networkd.service'],
  ifupdown: ['sbin/ifup', 'etc/network/interfaces'],
  direct: [],
} as const;
export type NetworkSystem = keyof typeof SYSTEMS;
export const NETWORK_SYSTEMS = Object.keys(SYSTEMS) as NetworkSystem[];

/** As the kernel may name them: the names say nothing of the order. */
export const DEVICES: Readonly<Record<string, string>> = {
  '52:54:00:00:00:01': 'ens7',
  '52:54:00:00:00:02': 'ens3',
  '52:54:00:00:00:03': 'eth2',
  '52:54:00:00:00:09': 'ens9',
};

/** With applets of its own before the host's programs: what a small guest has. */
export const SHELLS = ['dash', 'busybox'] as const;
export type Shell = (typeof SHELLS)[number];

export class GuestRoot {
  readonly path: string;
  readonly #shell: Shell;
  readonly #applets: string;

  constructor(path: string, shell: Shell, applets: string) {
    this.path = path;
    this.#shell = shell;
    this.#applets = applets;
  }

  /** Puts a document in place, as the deployer does, and applies it. */
  async apply(document: string): Promise<CommandResult> {
    await this.write('root/vc-out.xml', document, 0o600);
    return this.run('apply');
  }

  run(command: string, input = ''): Promise<CommandResult> {
    const args = this.#shell === 'dash' ? [] : ['ash'];
    const path = this.#shell === 'dash' ? '/usr/sbin:/usr/bin:/sbin:/bin' : this.#applets;
    return runCommand(this.#shell, [...args, fileOf('guest-kit/edgeboot-guest'), command], {
      input,
      environment: { PATH: path, ROOT: this.path, LIBRARY: fileOf('guest-kit/lib') },
    });
  }

  read(path: string): Promise<string> {
    return readFile(join(this.path, path), 'utf8');
  }

  async write(path: string, content: string, mode = 0o644): Promise<void> {
    await mkdir(dirname(join(this.path, path)), { recursive: true });
    await writeFile(join(this.path, path), content);
    await chmod(join(this.path, path), mode);
  }

  async link(target: string, path: string): Promise<void> {
    await mkdir(dirname(join(this.path, path)), { recursive: true });
    await rm(join(this.path, path), { force: true });
    await symlink(target, join(this.path, path));
  }

  async mode(path: string): Promise<number> {
    return (await stat(join(this.path, path))).mode & 0o7777;
  }

  /** Every file with its mode and digest, every link with its target; times only where they are asked for. */
  async tree(options: { readonly times?: boolean } = {}): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const entry of await readdir(this.path, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      const name = file.slice(this.path.length + 1);
      if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(file)}`;
      if (!entry.isFile()) continue;
      const { mode, mtimeMs } = await stat(file);
      const digest = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      found[name] = `${(mode & 0o7777).toString(8)} ${digest}${options.times === true ? ` ${mtimeMs}` : ''}`;
    }
    return found;
  }
}

/** Gone when the test ends. */
export async function makeGuestRoot(t: TestContext, system: NetworkSystem, shell: Shell): Promise<GuestRoot> {
  const directory = await mkdtemp(join(tmpdir(), 'edgeboot-guest-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const applets = join(directory, 'applets');
  await mkdir(applets);
  if (shell === 'busybox') await runCommandOrThrow('busybox', ['--install', '-s', applets]);
  const root = new GuestRoot(join(directory, 'root'), shell, applets);
  await mkdir(root.path);
  for (const path of SYSTEMS[system]) {
    if (path.endsWith('.service')) await root.link('/dev/null', path);
    else await root.write(path, '', 0o755);
  }
  for (const [macAddress, device] of Object.entries(DEVICES)) {
    await root.write(`sys/class/net/${device}/address`, `${macAddress}\n`);
    await root.write(`sys/class/net/${device}/device/vendor`, '0x1af4\n');
  }
  // Has the address of another, but is no device.
  await root.write('sys/class/net/br0/address', '52:54:00:00:00:01\n');
  return root;
}

export function readFixture(name: string): Promise<string> {
  return readFile(fileOf(`test/fixtures/vc-out/${name}`), 'utf8');
}
