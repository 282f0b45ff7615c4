/** The agent's configuration file (YAML), written once by the site's operator. */
import { readFile } from 'node:fs/promises';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { DEBIAN_QEMU_USER } from '#shared/host/probe-acceleration.ts';
import { FQDN } from '#shared/names.ts';
import { parse } from 'yaml';
import * as z from 'zod';
import { numberOf } from './core/ipv4.ts';

const publicNetworkSchema = z
  .strictObject({
    /** The site's public network, by libvirt's name. */
    libvirtNetwork: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
    /** One address of the pool goes to each cluster's frontend. */
    firstAddress: z.ipv4(),
    lastAddress: z.ipv4(),
    netmask: z.ipv4(),
    gateway: z.ipv4(),
    dnsServers: z.array(z.ipv4()).min(1),
    /** Frontends are called vc-<address>.<domain>. */
    domain: FQDN,
  })
  .superRefine(checkPool);

const MAX_POOL_ADDRESSES = 65_536;

function checkPool(
  network: {
    firstAddress: string;
    lastAddress: string;
    netmask: string;
    gateway: string;
  },
  context: z.RefinementCtx,
): void {
  const [first, last, gateway, mask] = [
    network.firstAddress,
    network.lastAddress,
    network.gateway,
    network.netmask,
  ].map(numberOf);
  const refuse = (field: string, message: string): void => context.addIssue({ code: 'custom', path: [field], message });
  if (first === undefined || last === undefined || gateway === undefined || mask === undefined) return;
  if (last < first) refuse('lastAddress', 'must not come before firstAddress');
  if (last - first >= MAX_POOL_ADDRESSES)
    refuse('lastAddress', `makes a pool of more than ${MAX_POOL_ADDRESSES} addresses`);
  if (gateway >= first && gateway <= last) refuse('gateway', 'must not be an address of the pool');
  const outside = [first, last].some((address) => (address & mask) >>> 0 !== (gateway & mask) >>> 0);
  if (outside) refuse('netmask', "must put the pool into the gateway's network");
}

/** Tokens travel with every request: in clear only within this machine. */
function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

export type PublicNetwork = z.infer<typeof publicNetworkSchema>;

const configSchema = z.strictObject({
  /** The federation's API. */
  apiUrl: z.url({ protocol: /^https?$/ }).refine(isSafe, 'must be https, but on this machine itself'),
  stateDirectory: z.string().startsWith('/').default('/var/lib/edgeboot'),
  libvirtUri: z.string().default('qemu:///system'),
  /** The user that libvirt runs QEMU as. */
  qemuUser: z.string().default(DEBIAN_QEMU_USER),
  publicNetwork: publicNetworkSchema,
  /** What clusters may use of this host. */
  capacity: z
    .strictObject({ cpus: z.int().positive().optional(), memoryMiB: z.int().positive().optional() })
    .default({}),
  /** DNS servers (`address:port`) asked for edge locations, beside the system's own. */
  resolvers: z.array(z.string().regex(/^[0-9.]{7,15}(?::\d{1,5})?$/)).default([]),
  /** Parts in flight at once. */
  connections: z.int().min(1).max(64).default(8),
  /** How long the guests may take until they are ready. */
  readyTimeoutSeconds: z.int().positive().default(900),
});
export type AgentConfig = z.infer<typeof configSchema>;

/** Throws INVALID_CONFIG naming every wrong setting. */
export async function readConfig(file: string): Promise<AgentConfig> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new EdgebootError('INVALID_CONFIG', `cannot read the configuration: ${messageOf(error)}`);
  });
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new EdgebootError('INVALID_CONFIG', `${file} is not YAML: ${messageOf(error)}`);
  }
  const parsed = configSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
  throw new EdgebootError('INVALID_CONFIG', `${file}: ${issues.join('; ')}`);
}
