/** What every node's machine has in common, whichever driver makes it; and what no driver is asked to make. */
import { EdgebootError } from '#shared/errors.ts';
import { HOST_LABEL, MAC_ADDRESS } from '#shared/names.ts';
import * as z from 'zod';
import type { NodePlan } from '../ports.ts';

/** Where each device sits on the PCI bus: guests name interfaces by this order. 1 and 2 are the chipset's and a display's. */
export const PCI_SLOTS = { firstInterface: 3, disk: 10, virtioSerial: 11, random: 12, seed: 13 } as const;
export const MAX_INTERFACES = PCI_SLOTS.disk - PCI_SLOTS.firstInterface;

/** The guest kit's port. */
export const READY_PORT_NAME = 'org.edgeboot.ready';

/** Size of `sun_path` in Linux, without its closing zero. */
const MAX_SOCKET_PATH_BYTES = 107;

const filePath = z
  .string()
  .startsWith('/', 'must be an absolute path')
  .max(4095)
  // XML would make spaces of some, and the kernel would stop at a zero.
  .regex(/^\P{Cc}*$/u, 'must have no control characters');
const socketPath = filePath.refine(
  (path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES,
  `is too long for the kernel (${MAX_SOCKET_PATH_BYTES} bytes): choose a state directory with a shorter path`,
);

export const BRIDGE_NAME = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/, 'must be the name of a bridge');
const LIBVIRT_NETWORK_NAME = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be the name of a libvirt network');

const nodeInterfaceSchema = z.object({
  macAddress: MAC_ADDRESS,
  link: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('private') }),
    z.object({ kind: z.literal('libvirt-network'), name: LIBVIRT_NETWORK_NAME }),
    z.object({ kind: z.literal('bridge'), name: BRIDGE_NAME }),
  ]),
});

export const nodePlanSchema = z.object({
  name: HOST_LABEL,
  role: z.enum(['frontend', 'compute']),
  cpus: z.int().positive(),
  memoryMiB: z.int().positive(),
  backingFile: filePath,
  overlayFile: filePath,
  seedFile: filePath.optional(),
  hardware: z.object({
    diskBus: z.enum(['virtio', 'ide', 'sata', 'scsi']),
    nicModel: z.enum(['virtio', 'e1000', 'rtl8139']),
  }),
  interfaces: z
    .array(nodeInterfaceSchema)
    .max(MAX_INTERFACES, `a node has at most ${MAX_INTERFACES}, the private and the public one included`)
    .refine((all) => new Set(all.map(({ macAddress }) => macAddress)).size === all.length, 'two have the same address'),
  readySocket: socketPath,
  consoleSocket: socketPath,
});

/** @throws EdgebootError INVALID_CONFIG, naming what cannot be made. */
export function checkNodePlan(node: NodePlan): void {
  const checked = nodePlanSchema.safeParse(node);
  if (checked.success) return;
  const issues = checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new EdgebootError('INVALID_CONFIG', `a node like this cannot be made: ${issues.join('; ')}`);
}
