/** A repository of bootable clusters as sites have had them since 2013, described as the original's own were, made with cp, gzip and split. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';

export interface NodeDisks {
  readonly frontend: string;
  readonly compute: string;
}

interface Kind {
  readonly type: 'raw' | 'gzip' | 'splited' | 'splited_gzip';
  /** Where the description tells of its files; `none`: the disk's source, which ends in .gz, lies beside it. */
  readonly dialect: 'files' | 'inside' | 'none';
  /** Makes the disk `$1` into files that begin with `$2`. */
  readonly script: string;
}

export const VINTAGE_KINDS = {
  raw: { type: 'raw', dialect: 'files', script: 'cp --sparse=always "$1" "$2"' },
  gzip: { type: 'gzip', dialect: 'inside', script: 'gzip -1 -c "$1" > "$2.gz"' },
  splited: { type: 'splited', dialect: 'files', script: 'split -b 48M "$1" "$2."' },
  'splited-members': {
    ...{ type: 'splited_gzip', dialect: 'inside' },
    script: 'split -b 48M --filter=\'gzip -1 -c > "$FILE"\' "$1" "$2.gz."',
  },
  'splited-stream': {
    ...{ type: 'splited_gzip', dialect: 'files' },
    script: 'gzip -1 -c "$1" | split -b 4M - "$2.gz."',
  },
  beside: { type: 'gzip', dialect: 'none', script: 'gzip -1 -c "$1" > "$2.gz"' },
} as const satisfies Record<string, Kind>;
export type VintageKind = keyof typeof VINTAGE_KINDS;

/** One cluster of each kind, named after it, in `repository`. */
export async function makeVintageRepository(repository: string, disks: NodeDisks): Promise<VintageKind[]> {
  const kinds = Object.keys(VINTAGE_KINDS) as VintageKind[];
  for (const name of kinds) {
    const folder = join(repository, name);
    await mkdir(folder, { recursive: true });
    const frontend = await layDisk(folder, 'frontend.vda', disks.frontend, VINTAGE_KINDS[name]);
    const compute = await layDisk(folder, 'compute.vda', disks.compute, VINTAGE_KINDS[name]);
    await writeFile(join(folder, `${name}.xml`), describe(VINTAGE_KINDS[name], frontend, compute));
  }
  await writeFile(join(repository, 'vcdb.txt'), kinds.map((name) => `${name},${name}/${name}.xml\n`).join(''));
  return kinds;
}

/** @returns the names of its files. */
async function layDisk(folder: string, name: string, disk: string, { script }: Kind): Promise<string[]> {
  await runCommandOrThrow('sh', ['-ec', script, 'sh', disk, join(folder, name)]);
  return (await readdir(folder)).filter((file) => file.startsWith(name)).sort();
}

function describe({ type, dialect }: Kind, frontend: readonly string[], compute: readonly string[]): string {
  const file = (name: string, parts: readonly string[]): string =>
    `<file type="${type}" filename="${name}">${parts.map((part) => `<part>${part}</part>`).join('')}</file>`;
  const node = (name: string, parts: readonly string[], interfaces: number): string => `
    ${dialect === 'inside' ? file(name, parts) : ''}
    <domain type='kvm'>
      <name>${name}</name>
      <os><type arch='x86_64'>hvm</type></os>
      <memory>131072</memory>
      <vcpu>1</vcpu>
      <features><acpi/><apic/><pae/></features>
      <devices>
        <emulator>/usr/libexec/qemu-kvm</emulator>
        <disk type='file' device='disk'>
          <driver name='qemu' type='raw'/>
          <source file='${dialect === 'none' ? (parts[0] ?? '') : name}'/>
          <target dev='vda' bus='virtio'/>
        </disk>
        ${"<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>".repeat(interfaces)}
      </devices>
    </domain>`;
  return `<?xml version='1.0'?>
<vc version='0.1'>
  <virtualization engine='kvm' type='hvm' arch='x86_64'/>
  <driver>rocks6_client</driver>
  <frontend>${node('frontend.vda', frontend, 2)}</frontend>
  <compute>
    <boot_dependency parent='frontend'><wait type='clock' value='300'/></boot_dependency>
    ${node('compute.vda', compute, 1)}
  </compute>
  <networks>
    <network name='private'><ipaddress>10.1.1.1</ipaddress><netmask>255.255.0.0</netmask></network>
    <frontend><public>eth1</public></frontend>
  </networks>
  ${dialect === 'files' ? `<files>${file('frontend.vda', frontend)}${file('compute.vda', compute)}</files>` : ''}
</vc>
`;
}
