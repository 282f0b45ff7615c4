/** What `vc-in.xml` says of a virtual cluster, as far as the image standard needs it (formats, section 2). */

export interface VirtualCluster {
  /** The original's driver for guests of this kind, `rocks6_client` for example; only ever shown. */
  readonly driver: string | undefined;
  readonly frontend: VirtualNode & { readonly disk: DiskFile };
  /** `undefined` where the description has no computes of their own: they are then like the frontend, and share its disk. */
  readonly compute: ComputeNode | undefined;
  /** Set where the computes start only after the frontend. */
  readonly bootDependency: BootDependency | undefined;
  readonly privateNetwork: PrivateNetworkWish | undefined;
}

export interface VirtualNode {
  readonly memoryMiB: number | undefined;
  readonly cpus: number | undefined;
  readonly hardware: GuestHardware;
  readonly interfaceCount: number;
}

export interface ComputeNode extends VirtualNode {
  /** `undefined` where the computes have no disk of their own: they use the frontend's. */
  readonly disk: DiskFile | undefined;
}

/** What the guest has drivers for. */
export interface GuestHardware {
  readonly diskBus: 'virtio' | 'ide' | 'sata' | 'scsi';
  readonly nicModel: 'virtio' | 'e1000' | 'rtl8139';
}

/** How a disk lies on the server. The names of the types are the original's, its spelling included. */
export interface DiskFile {
  readonly type: DiskFileType;
  /** Name of the raw disk when it is whole again. */
  readonly filename: string;
  /** Paths below the folder of the description, in order; one, unless it is of a type that is split. */
  readonly parts: readonly string[];
}

export const DISK_FILE_TYPES = ['raw', 'gzip', 'splited', 'splited_gzip'] as const;
export type DiskFileType = (typeof DISK_FILE_TYPES)[number];

export interface BootDependency {
  /** The fallback, and the upper bound, where the frontend gives no sign of readiness. */
  readonly waitSeconds: number | undefined;
}

export interface PrivateNetworkWish {
  /** Of the frontend. */
  readonly address: string;
  readonly netmask: string;
}
