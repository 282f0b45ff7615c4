/** What the edge flow needs from the world, in the flow's own words. Adapters, repositories and drivers implement it. */
import type { Heartbeat, Job, sessionResponse } from '#shared/api/agents.ts';
import type { WarmingJob } from '#shared/api/warmings.ts';
import type { Report } from '#shared/apply-report.ts';
import type { Failure, Timeline } from '#shared/deployment.ts';
import type { Grant } from '#shared/grant.ts';
import type { GuestHardware } from '#shared/vc-xml/vc-in.ts';
import type { WarmingReport } from '#shared/warming.ts';
import type * as z from 'zod';
import type { ClusterPlan } from './core/plan-cluster.ts';

// ---- fetching -------------------------------------------------------------------------------------------------------

export interface ObjectRequest {
  /** Place of the file below the repository's root: `images/<imageId>/parts/<sha256>`, `rocks-sge/frontend.vda.gz.a`. */
  readonly path: string;
  /** Declared size of the whole file: a longer or shorter answer is refused. `undefined` where nobody has declared it. */
  readonly sizeBytes: number | undefined;
  /** The most that is accepted where no size is declared. */
  readonly maxBytes?: number;
  /** Ask for these bytes of the file only. */
  readonly range?: ByteRange;
  /** How many copies of it were found corrupt, or too slow, before this request: a source that knows several places begins with another. */
  readonly badCopies?: number;
  /** At least as long as the answer, which is to be put there. A source may use memory of its own instead. */
  readonly into?: Buffer | undefined;
  /** Told when an answer begins to come, where the source has a way to it; of what is asked for again, again. */
  readonly onAnswer?: (delivery: Delivery) => void;
  /** Told as bytes arrive; what is fetched again counts again. */
  readonly onBytes?: (bytes: number) => void;
}

export type ByteRange =
  | { readonly offsetBytes: number; readonly lengthBytes: number }
  /** The file's last bytes; all of them where it has fewer. */
  | { readonly lastBytes: number };

export interface FetchedObject {
  /** The bytes as they came; nobody has verified them yet. */
  readonly bytes: Buffer;
  /** Of the whole file, as the source says. */
  readonly sizeBytes: number;
  /** Changes when the file does, where the source says: an ETag, a time of modification. Only ever compared. */
  readonly version: string | undefined;
  readonly delivery: Delivery;
}

/** Where bytes came from, for the timeline and the log. */
export interface Delivery {
  /** CloudFront's `X-Amz-Cf-Pop`, for example `NRT57-C1`; `undefined` where the source is no edge. */
  readonly edgeLocation: string | undefined;
  /** From `X-Cache`; `undefined` where the source does not say. */
  readonly cacheHit: boolean | undefined;
}

/**
 * A source of a repository's files. Wrappers (retry, renewal, failover to the next edge) are sources too.
 * Throws EdgebootError: PART_UNAVAILABLE, PART_CORRUPT (the answer cannot be the file: wrong length or range), THROTTLED,
 * URL_EXPIRED, SIGNING_KEY_ROTATED, FORBIDDEN, NOT_FOUND, INVALID_REQUEST (no path that a file may have), CANCELED (it was closed);
 * the signal's reason when it was aborted.
 */
export interface PartSource {
  fetch(request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject>;
}

// ---- disks of nodes -------------------------------------------------------------------------------------------------

/** Makes and fills a node's own layer. Untrusted file systems are never mounted by the host's kernel. */
export interface NodeDisks {
  /**
   * A qcow2 overlay on a raw backing file; both formats are named, nothing is probed. Replaces one that is there. Throws
   * DISK_FULL; the signal's reason when it was aborted.
   */
  createOverlay(backingFile: string, overlayFile: string, signal: AbortSignal): Promise<void>;
  /**
   * Writes files into the first partition of the disk behind an overlay, reads each back and compares; moves the network
   * configuration of earlier lives aside (spec of the formats, section 5). Temporary files lie in the overlay's folder. Throws
   * IMAGE_NOT_COMPLIANT, DISK_FULL; the signal's reason when it was aborted.
   * @returns what was seen of the guest on the way.
   */
  personalize(overlayFile: string, files: readonly GuestFile[], signal: AbortSignal): Promise<GuestTraits>;
  /** A NoCloud seed for guests with cloud-init: a small read-only disk labeled `cidata`. Replaces one that is there. Throws DISK_FULL. */
  createSeed(seedFile: string, files: SeedFiles, signal: AbortSignal): Promise<void>;
}

export interface GuestTraits {
  /** The guest configures itself with cloud-init: it wants a seed. */
  readonly hasCloudInit: boolean;
}

/** The three files of cloud-init's NoCloud data source, as they are to lie on the seed. */
export interface SeedFiles {
  readonly metaData: string;
  readonly userData: string;
  readonly networkConfig: string;
}

export interface GuestFile {
  /** Absolute path inside the guest; its folder must exist. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

// ---- the hypervisor -------------------------------------------------------------------------------------------------

/** The platform that runs the nodes. libvirt is the first driver. Every call is idempotent. */
export interface HypervisorDriver {
  /** What this host has, and whether KVM truly works (probed). */
  describeHost(): Promise<HostDescription>;
  /** Makes the cluster's private network: a layer-2 bridge (bridgeName() of core/) without any address of the host. */
  prepare(cluster: ClusterIdentity): Promise<void>;
  /** Defines one node's domain where it is not, and turns it on where it is off. Throws BOOT_FAILED, HYPERVISOR_BUSY. */
  boot(cluster: ClusterIdentity, node: NodePlan): Promise<void>;
  /** What is there that carries our metadata for this site; nothing else is ever looked at or touched. */
  observe(siteId: string): Promise<readonly ObservedCluster[]>;
  /**
   * Presses the power button of every node that is on; what is still on after `graceSeconds` is turned off. Definitions, disks and
   * the network stay. Nothing there is fine. Throws the signal's reason when it is aborted: nothing further is turned off then.
   */
  stop(cluster: ClusterIdentity, graceSeconds: number, signal: AbortSignal): Promise<void>;
  /**
   * Stops some of the cluster's nodes as `stop` does, then undefines them. Their disks and the network stay. Nothing there is fine. Throws
   * the signal's reason, too.
   */
  removeNodes(
    cluster: ClusterIdentity,
    names: readonly string[],
    graceSeconds: number,
    signal: AbortSignal,
  ): Promise<void>;
  /** Destroys and undefines the cluster's domains, then its network. Nothing there is fine. */
  destroy(cluster: ClusterIdentity): Promise<void>;
  close(): Promise<void>;
}

export interface HostDescription {
  readonly cpus: number;
  readonly memoryMiB: number;
  /** `emulation` is slow: for machines where KVM does not truly work. */
  readonly acceleration: 'kvm' | 'emulation';
}

export interface ClusterIdentity {
  readonly siteId: string;
  readonly deploymentId: string;
}

export interface NodePlan {
  readonly name: string;
  readonly role: 'frontend' | 'compute';
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly backingFile: string;
  readonly overlayFile: string;
  /** A read-only disk beside it, for cloud-init; `undefined` where the guest has none. */
  readonly seedFile?: string | undefined;
  readonly hardware: Hardware;
  /** In the guest's order: private first, public (frontend only) second, then the extra ones. */
  readonly interfaces: readonly NodeInterface[];
  /** Unix socket on which the guest kit says that it is ready (virtio-serial port `org.edgeboot.ready`). */
  readonly readySocket: string;
  /** Unix socket of the first serial console. */
  readonly consoleSocket: string;
}

/** What a guest has drivers for: old ones know no virtio. */
export type Hardware = GuestHardware;

export interface NodeInterface {
  readonly macAddress: string;
  readonly link: NetworkLink;
}

/** What an interface is plugged into. */
export type NetworkLink =
  /** The cluster's own network. */
  { readonly kind: 'private' } | SiteLink;

/** A network of the site, shared by clusters. */
export type SiteLink =
  /** By libvirt's name. The `qemu` driver has none: it refuses with INVALID_CONFIG. */
  | { readonly kind: 'libvirt-network'; readonly name: string }
  /** A bridge of the host, by the kernel's name. */
  | { readonly kind: 'bridge'; readonly name: string };

export interface ObservedCluster extends ClusterIdentity {
  readonly nodes: readonly { readonly name: string; readonly running: boolean }[];
  readonly hasNetwork: boolean;
}

// ---- guests ---------------------------------------------------------------------------------------------------------

/** Hears when guests are ready, without any key of the member's. */
export interface GuestSignals {
  /**
   * Resolves when the guest says READY on its port. Guests that know nothing of us: when a frontend answers with an SSH banner on
   * its public address, when a compute is heard on the private network under its own MAC and address. Throws BOOT_TIMEOUT with the
   * end of the console's text when `timeoutSeconds` have passed.
   */
  awaitReady(node: AwaitedNode, timeoutSeconds: number, signal: AbortSignal): Promise<ReadySign>;
}

export interface AwaitedNode {
  readonly name: string;
  readonly readySocket: string;
  readonly consoleSocket: string;
  /** Only the frontend has one. */
  readonly publicAddress: string | undefined;
  /** Where a compute is heard; `undefined` for the frontend, of which more is asked. */
  readonly privateLink: PrivateLink | undefined;
}

/** A node's place on its cluster's private network. */
export interface PrivateLink {
  readonly deploymentId: string;
  /** Lower case, with colons. */
  readonly macAddress: string;
  readonly address: string;
  /** An address of the private network that is nobody's: what is asked in the name of. */
  readonly inquiryAddress: string;
}

export type ReadySign = 'guest-kit' | 'ssh-banner' | 'arp';

/**
 * DHCP and `/latest/user-data` for guests that find no vc-out.xml in their disk (formats, section 5): answers our own nodes, nobody
 * else. It belongs to the cluster as its domains do: it goes on when the agent ends. Every call is idempotent.
 */
export interface UserDataChannel {
  open(channel: ChannelPlan): Promise<void>;
  close(cluster: Pick<ChannelPlan, 'deploymentId' | 'directory'>): Promise<void>;
}

export interface ChannelPlan {
  readonly deploymentId: string;
  /** The cluster's own. */
  readonly directory: string;
  readonly networks: readonly ServedNetwork[];
}

export interface ServedNetwork {
  readonly bridge: string;
  /** The channel's own address. */
  readonly serverAddress: string;
  readonly netmask: string;
  readonly nodes: readonly ServedNode[];
}

export interface ServedNode {
  readonly macAddress: string;
  readonly address: string;
  readonly gateway?: string | undefined;
  readonly hostname: string;
  /** What `/latest/user-data` answers it. */
  readonly document: string;
}

// ---- the control plane ----------------------------------------------------------------------------------------------

/**
 * The federation's API, as the agent of one site. Throws NOT_FOUND (no such job here), IMAGE_RECALLED, VETOED and ACCESS_WITHDRAWN (no
 * fresh grant), SUPERSEDED, CLAIMED_ELSEWHERE; whatever else goes wrong is SERVICE_UNAVAILABLE: no refusal of ours, and no reason to give a cluster up.
 */
export interface FederationApi extends WarmingApi {
  readJob(deploymentId: string, signal: AbortSignal): Promise<Job>;
  /** Resolves when it is applied. Reports that wait for one another may go out together. */
  report(deploymentId: string, report: Report, signal: AbortSignal): Promise<void>;
  renewGrant(deploymentId: string, signal: AbortSignal): Promise<Grant>;
  openSession(): Promise<AgentSession>;
  announce(said: Omit<Heartbeat, 'agentVersion'>): Promise<void>;
}

export interface WarmingApi {
  readWarming(warmingId: string, signal: AbortSignal): Promise<WarmingJob>;
  reportWarming(warmingId: string, report: WarmingReport, signal: AbortSignal): Promise<void>;
  renewWarmingGrant(warmingId: string, signal: AbortSignal): Promise<Grant>;
}

export type AgentSession = z.infer<typeof sessionResponse>;

/** The site's queue. */
export interface JobQueue {
  /** Long-polls; answers up to `max` messages, or none after some 20 s. */
  receive(max: number, signal: AbortSignal): Promise<readonly ReceivedMessage[]>;
  /** Keeps the message from others for so long from now; 0 gives it back. Throws where the lease is lost already. */
  extend(message: ReceivedMessage, visibilityTimeoutSeconds: number): Promise<void>;
  delete(message: ReceivedMessage): Promise<void>;
}

export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** How often it was delivered, this time included. */
  readonly receiveCount: number;
  readonly receivedAt: Date;
}

// ---- what the agent remembers ---------------------------------------------------------------------------------------

/** Everything about one deployment that must survive a crash: written before the side effect that it describes. */
export interface JournalEntry {
  readonly deploymentId: string;
  readonly generation: number;
  readonly plan: ClusterPlan;
  readonly startedAt: string;
  /** Of the cache, by their names in it: they stay as long as this entry does. Named before they are fetched or opened. */
  readonly bases?: readonly string[];
  /** Names of computes that were added and are not up yet: nothing of theirs is anybody's, they may be made anew or go. */
  readonly fresh?: readonly string[];
  /** The frontend's disk has an older document than the plan: it ran on, and nothing in it listens. To be written before its next boot. */
  readonly frontendIsStale?: boolean;
  /** Set once the cluster is up: from then on only the report may be missing. */
  readonly running?: { readonly timeline: Timeline };
  /** Set once it is given up: from then on only clearing away and the report may be missing. */
  readonly failed?: Failure;
  /** Set on a cluster that this host's operator booted: no federation knows of it. */
  readonly local?: LocalCluster;
}

export interface LocalCluster {
  /** The repository's address, as it was given. */
  readonly repository: string;
  /** The complete, verified disks; once they are here. */
  readonly disks?: { readonly frontend: string; readonly compute?: string | undefined };
}

/** One durable entry per deployment at this site. Writes are atomic. */
export interface Journal {
  read(deploymentId: string): Promise<JournalEntry | undefined>;
  write(entry: JournalEntry): Promise<void>;
  remove(deploymentId: string): Promise<void>;
  list(): Promise<readonly JournalEntry[]>;
  /** Keeps a message that nobody can work on, with the reason, away from the queue. */
  quarantine(message: ReceivedMessage, reason: string): Promise<void>;
}

/** The agent's own directories. */
export interface ClusterFiles {
  /** Where a cluster's overlays and sockets lie, or would lie. */
  directoryOf(deploymentId: string): string;
  /** Made where it is missing. */
  makeDirectory(deploymentId: string): Promise<string>;
  /** Removes the cluster's directory. Nothing there is fine. */
  removeDirectory(deploymentId: string): Promise<void>;
  /** Deployments that have a directory. */
  list(): Promise<readonly string[]>;
}
