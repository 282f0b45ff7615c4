/** What the edge flow needs from the world, in the flow's own words. Adapters, repositories and drivers implement it. */
import type { Capacity, Job, sessionResponse } from '#shared/api.ts';
import type { Report } from '#shared/apply-report.ts';
import type { Deployment, Failure, Timeline } from '#shared/deployment.ts';
import type { Grant } from '#shared/grant.ts';
import type { ImageObjectKind } from '#shared/image/manifest.ts';
import type * as z from 'zod';
import type { ClusterPlan } from './core/plan-cluster.ts';

// ---- fetching -------------------------------------------------------------------------------------------------------

export interface ObjectRequest {
  readonly imageId: string;
  readonly objectKind: ImageObjectKind;
  readonly sha256: string;
  /** Declared size of the whole object: a longer or shorter answer is refused. `undefined` only for manifests. */
  readonly sizeBytes: number | undefined;
  /** Ask for these bytes of the object only. */
  readonly range?: { readonly offsetBytes: number; readonly lengthBytes: number };
  /** How many copies of it were found corrupt before this request: a source that knows several places begins with another. */
  readonly corruptCopies?: number;
}

export interface FetchedObject {
  /** The bytes as they came; nobody has verified them yet. */
  readonly bytes: Buffer;
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
 * A source of an image's objects. Wrappers (retry, renewal, failover to the next edge) are sources too.
 * Throws EdgebootError: PART_UNAVAILABLE, PART_CORRUPT (the answer cannot be the object: wrong length or range), THROTTLED,
 * URL_EXPIRED, SIGNING_KEY_ROTATED, FORBIDDEN, NOT_FOUND; the signal's reason when it was aborted.
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
   */
  personalize(overlayFile: string, files: readonly GuestFile[], signal: AbortSignal): Promise<void>;
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
  /** The cluster's private network: a layer-2 bridge without any address of the host. */
  createPrivateNetwork(cluster: ClusterIdentity): Promise<void>;
  /** Defines and starts one node's domain. Throws BOOT_FAILED, HYPERVISOR_BUSY. */
  bootNode(cluster: ClusterIdentity, node: NodePlan): Promise<void>;
  /** What is there that carries our metadata for this site; nothing else is ever looked at or touched. */
  observe(siteId: string): Promise<readonly ObservedCluster[]>;
  /** Destroys and undefines the cluster's domains, then its network. Nothing there is fine. */
  destroyCluster(cluster: ClusterIdentity): Promise<void>;
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
  /** In the guest's order: private first, public (frontend only) second. */
  readonly interfaces: readonly NodeInterface[];
  /** Unix socket on which the guest kit says that it is ready (virtio-serial port `org.edgeboot.ready`). */
  readonly readySocket: string;
  /** Unix socket of the first serial console. */
  readonly consoleSocket: string;
}

export type NodeInterface =
  | { readonly network: 'private'; readonly macAddress: string }
  /** `libvirtNetwork` is the site's shared public network, by libvirt's name. */
  | { readonly network: 'public'; readonly macAddress: string; readonly libvirtNetwork: string };

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
}

export type ReadySign = 'guest-kit' | 'ssh-banner' | 'arp';

// ---- the control plane ----------------------------------------------------------------------------------------------

/**
 * The federation's API, as the agent of one site. Throws NOT_FOUND (no such job here), SUPERSEDED, CLAIMED_ELSEWHERE; whatever else
 * goes wrong is SERVICE_UNAVAILABLE: no refusal of ours, and no reason to give a cluster up.
 */
export interface FederationApi {
  readJob(deploymentId: string, signal: AbortSignal): Promise<Job>;
  report(deploymentId: string, report: Report, signal: AbortSignal): Promise<Deployment>;
  renewGrant(deploymentId: string, signal: AbortSignal): Promise<Grant>;
  openSession(): Promise<AgentSession>;
  announce(free: Capacity): Promise<void>;
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
  /** Set once the cluster is up: from then on only the report may be missing. */
  readonly running?: { readonly timeline: Timeline };
  /** Set once it is given up: from then on only clearing away and the report may be missing. */
  readonly failed?: Failure;
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
  /** Where a cluster's overlays and sockets lie. Made where it is missing. */
  makeDirectory(deploymentId: string): Promise<string>;
  /** Removes the cluster's directory. Nothing there is fine. */
  removeDirectory(deploymentId: string): Promise<void>;
  /** Deployments that have a directory. */
  list(): Promise<readonly string[]>;
}
