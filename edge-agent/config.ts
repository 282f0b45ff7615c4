/** The agent's configuration file (YAML), written once by the site's operator. */
import { getServers } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { NETWORK_NAME } from '#shared/names.ts';
import { DEBIAN_QEMU_USER } from '#shared/host/probe-acceleration.ts';
import { parse } from 'yaml';
import * as z from 'zod';
import { isReservedNetworkName } from './core/extra-interfaces.ts';
import { publicNetworkSchema, siteNetworkSchema } from './core/public-network.ts';
import { parseHostRule } from './core/repository-hosts.ts';
import { parseSizeBytes } from './core/size-text.ts';
import { isListenAddress, parsePeerAddress } from './peers/peer-address.ts';

function isHostRule(text: string): boolean {
  try {
    parseHostRule(text);
    return true;
  } catch {
    return false;
  }
}

/** Tokens travel with every request: in clear only within this machine. */
function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

/** In GiB, or with a unit; becomes bytes. */
const sizeSchema = z.union([z.number(), z.string()]).transform((size, context) => {
  const sizeBytes = parseSizeBytes(String(size));
  if (sizeBytes !== undefined) return sizeBytes;
  context.addIssue({ code: 'custom', message: 'must be a size: a number of GiB, or for example 500 MiB, 2 TB' });
  return z.NEVER;
});

const repositorySchema = z.strictObject({
  address: z.string().min(1),
  /** Names of the clusters that `sync repository` keeps here, as glob patterns. */
  include: z.array(z.string().min(1)).default(['*']),
  exclude: z.array(z.string().min(1)).default([]),
});

const peersSchema = z.strictObject({
  /** Where this host's agent answers the others: an address of the site's LAN. */
  listen: z.string().refine(isListenAddress, 'must be ADDRESS:PORT'),
  /** Where the others answer; this host's own may be among them. */
  addresses: z
    .array(z.string().refine((text) => parsePeerAddress(text) !== undefined, 'must be HOST:PORT'))
    .max(64)
    .default([]),
  /** A secret that all agents of the site have. */
  keyFile: z.string().startsWith('/', 'must be an absolute path'),
});

const configSchema = z.strictObject({
  /** The federation's API; a host that boots clusters on its own needs none. */
  apiUrl: z
    .url({ protocol: /^https?$/ })
    .refine(isSafe, 'must be https, but on this machine itself')
    .optional(),
  stateDirectory: z.string().startsWith('/').default('/var/lib/edgeboot'),
  /** `qemu`: plain processes, for hosts without libvirt. */
  driver: z.enum(['libvirt', 'qemu']).default('libvirt'),
  libvirtUri: z.string().default('qemu:///system'),
  /** The user that libvirt runs QEMU as. */
  qemuUser: z.string().default(DEBIAN_QEMU_USER),
  /** How frontends are reached. Unless set: NAT behind this host. */
  publicNetwork: publicNetworkSchema(getServers()).prefault({ nat: {} }),
  /** Further networks of the site in which clusters of a federation may have interfaces, by the names that members use. */
  extraNetworks: z
    .record(z.string(), siteNetworkSchema)
    .superRefine((networks, context) => {
      for (const name of Object.keys(networks)) {
        const wrong = isReservedNetworkName(name)
          ? "is a name of the cluster's own"
          : NETWORK_NAME.safeParse(name).error?.issues[0]?.message;
        if (wrong !== undefined) context.addIssue({ code: 'custom', path: [name], message: wrong });
      }
    })
    .default({}),
  /** What clusters may use of this host. */
  capacity: z
    .strictObject({ cpus: z.int().positive().optional(), memoryMiB: z.int().positive().optional() })
    .default({}),
  /** DNS servers (`address:port`) asked for edge locations, beside the system's own. */
  resolvers: z.array(z.string().regex(/^[0-9.]{7,15}(?::\d{1,5})?$/)).default([]),
  /** How images are fetched. */
  transfer: z
    .strictObject({
      /** Requests in flight at once, always; unless set, as many as help. */
      connections: z.int().min(1).max(64).optional(),
      /** Memory for what is on its way from the network to the disk, of all transfers together. */
      memoryMiB: z.int().min(16).max(4096).default(256),
      /** What all transfers together take of the network; unless set, what there is. */
      megabitsPerSecond: z.number().positive().optional(),
    })
    .prefault({}),
  /** The site's other hosts, which are asked for an image before the edge; unless set, there are none. */
  peers: peersSchema.optional(),
  /** Of the images that are kept here: the most that they may take, and what the file system keeps free beside them. */
  cache: z
    .strictObject({ maxSize: sizeSchema.optional(), keepFree: sizeSchema.default(1024 ** 3) })
    .prefault({})
    .transform(({ maxSize, keepFree }) => ({ maxBytes: maxSize, keepFreeBytes: keepFree })),
  /** How long the guests may take until they are ready. */
  readyTimeoutSeconds: z.int().positive().default(900),
  /** Where `boot` and `sync` find virtual clusters: directories, http and https addresses. */
  repositories: z.array(repositorySchema).default([]),
  /** Hosts that a repository's index or an image's description may name beside the repository's own. */
  repositoryHosts: z.array(z.string().refine(isHostRule, 'must be HOST, HOST:PORT or HOST=CIDR')).default([]),
});
export type AgentConfig = z.infer<typeof configSchema>;
export type RepositorySettings = z.infer<typeof repositorySchema>;

/** What holds where there is no configuration: enough to boot clusters on this host alone. */
export const defaultConfig = (): AgentConfig => configSchema.parse({});

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

/** Of a site of a federation. */
export type FederationConfig = AgentConfig & { readonly apiUrl: string };

/** Throws INVALID_CONFIG where the configuration knows no federation. */
export function requireFederation(config: AgentConfig): FederationConfig {
  const { apiUrl } = config;
  if (apiUrl !== undefined) return { ...config, apiUrl };
  throw new EdgebootError('INVALID_CONFIG', 'the configuration has no apiUrl', {
    remedy: "Set apiUrl to the federation's API. Clusters of this host alone need none: edgeboot-agent boot --help",
  });
}
