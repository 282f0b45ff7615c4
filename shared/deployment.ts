/** A deployment: an image version, booted at a site. Its row in the store says what is wished (`desired`) and what is (`phase`). */
import * as z from 'zod';
import { IMAGE_NAME, NETWORK_NAME, SITE_ID, SHA256, SSH_PUBLIC_KEY, ULID } from './names.ts';

/**
 * ACCEPTED → FETCHING → PERSONALIZING → BOOTING → RUNNING → DESTROYING → TERMINATED, and FAILED from everywhere but the end; once it has
 * run, RUNNING → STOPPING → STOPPED → BOOTING → RUNNING, and RUNNING → SCALING → RUNNING, too. FAILED and TERMINATED are terminal, and imply
 * that nothing is left at the site.
 */
export const PHASES = [
  'ACCEPTED',
  'FETCHING',
  'PERSONALIZING',
  'BOOTING',
  'RUNNING',
  'SCALING',
  'STOPPING',
  'STOPPED',
  'DESTROYING',
  'TERMINATED',
  'FAILED',
] as const;
export type Phase = (typeof PHASES)[number];

/**
 * Which phase may follow which. An agent that takes a job up again after a crash begins anew, so the three working phases follow
 * each other in any order. Where the row was put back to an earlier moment, the agent may be further on than it says. A cluster that
 * has run keeps its disks: it is booted again, and nothing else of this begins anew. The same phase again is a repeated report and
 * changes nothing.
 */
const SUCCESSORS: Readonly<Record<Phase, readonly Phase[]>> = {
  ACCEPTED: ['FETCHING', 'BOOTING', 'RUNNING', 'DESTROYING', 'FAILED'],
  FETCHING: ['PERSONALIZING', 'BOOTING', 'RUNNING', 'DESTROYING', 'FAILED'],
  PERSONALIZING: ['FETCHING', 'BOOTING', 'RUNNING', 'DESTROYING', 'FAILED'],
  BOOTING: ['FETCHING', 'PERSONALIZING', 'RUNNING', 'STOPPING', 'STOPPED', 'DESTROYING', 'FAILED'],
  RUNNING: ['SCALING', 'STOPPING', 'DESTROYING', 'FAILED'],
  SCALING: ['RUNNING', 'STOPPING', 'STOPPED', 'DESTROYING', 'FAILED'],
  STOPPING: ['STOPPED', 'BOOTING', 'DESTROYING', 'FAILED'],
  STOPPED: ['BOOTING', 'DESTROYING', 'FAILED'],
  DESTROYING: ['TERMINATED', 'FAILED'],
  TERMINATED: [],
  FAILED: [],
};

export function isTerminal(phase: Phase): boolean {
  return SUCCESSORS[phase].length === 0;
}

export function mayFollow(from: Phase, to: Phase): boolean {
  return SUCCESSORS[from].includes(to);
}

/** As many as an agent reports at once. */
export const MAX_COMPUTES = 1000;
/** More than the computes of a cluster together can have: it lives on one host. */
export const MAX_CPUS = 4096;

/** Beside the nodes' own: PCI has room for few. */
export const MAX_EXTRA_INTERFACES = 4;

/** What the member wishes. `generation` counts the wishes: it fences everything that was begun for an earlier one. */
export const desiredSchema = z.strictObject({
  power: z.enum(['on', 'off', 'destroyed']),
  computes: z.int().nonnegative().max(MAX_COMPUTES),
  cpusPerCompute: z.int().positive().max(MAX_CPUS),
  generation: z.int().positive(),
});
export type Desired = z.infer<typeof desiredSchema>;

/** An outcome is recorded once nothing remains to be done for the generation: the message may then be deleted. */
export function isOutcome({ phase, desired, nodes }: Pick<Deployment, 'phase' | 'desired' | 'nodes'>): boolean {
  const hasItsComputes = nodes === undefined || computesOf(nodes) === desired.computes;
  return (
    isTerminal(phase) ||
    (phase === 'RUNNING' && desired.power === 'on' && hasItsComputes) ||
    (phase === 'STOPPED' && desired.power === 'off')
  );
}

/** How many of these nodes are computes. */
export function computesOf(nodes: readonly DeployedNode[]): number {
  return nodes.filter(({ role }) => role === 'compute').length;
}

/** Its nodes are on: all of them, or all but those that come and go. */
export function isUp(phase: Phase): boolean {
  return phase === 'RUNNING' || phase === 'SCALING';
}

/** Whether it has run: from then on its disks are its member's, and it is booted again, never made anew. */
export function hasRun({ nodes }: Pick<Deployment, 'nodes'>): boolean {
  return nodes !== undefined;
}

/**
 * A cluster whose time is over is kept so long, off, before it is destroyed with its disks: whoever looks once a day still comes in
 * time. Longer would be hard on its site, which nobody else can use for as long.
 */
export const END_GRACE_HOURS = 24;

/** What went wrong, for a person and for a program. */
export const failureSchema = z.object({
  code: z.string().max(64),
  step: z.string().max(64).optional(),
  message: z.string().max(4096),
  remedy: z.string().max(1024),
});
export type Failure = z.infer<typeof failureSchema>;

/** More than the parts of any image have. */
const MAX_FETCHED_BYTES = 2 ** 40;

/** How far a transfer is. */
export const progressSchema = z.object({
  bytesFetched: z.int().nonnegative().max(MAX_FETCHED_BYTES),
  bytesTotal: z.int().nonnegative(),
  partsFetched: z.int().nonnegative(),
  partsTotal: z.int().nonnegative(),
});
export type Progress = z.infer<typeof progressSchema>;

/** Whether anything came or went between the two: a transfer that only says where it stands has not come on. */
export function hasMoved(before: Progress | undefined, after: Progress | undefined): boolean {
  const keys = ['bytesFetched', 'bytesTotal', 'partsFetched', 'partsTotal'] as const;
  return after !== undefined && keys.some((key) => before?.[key] !== after[key]);
}

/** What a deployment did and what it cost, as its agent saw it. */
export const timelineSchema = z.object({
  /** When the agent held the message. */
  messageReceivedAt: z.iso.datetime(),
  /** Seconds per step, in order. */
  steps: z.array(z.object({ name: z.string().max(64), seconds: z.number().nonnegative() })).max(32),
  bytesFetched: z.int().nonnegative().max(MAX_FETCHED_BYTES),
  /** Of the raw disks, given by other agents of the site; absent where there were none. */
  bytesFromPeers: z.int().positive().optional(),
  partsFetched: z.int().nonnegative(),
  /** Edge locations that delivered, as `X-Amz-Cf-Pop` names them. */
  edgeLocations: z.array(z.string().max(64)).max(64),
  cacheHits: z.int().nonnegative(),
  cacheMisses: z.int().nonnegative(),
  acceleration: z.enum(['kvm', 'emulation']),
});
export type Timeline = z.infer<typeof timelineSchema>;

export const nodeSchema = z.object({
  name: z.string().max(63),
  role: z.enum(['frontend', 'compute']),
  privateAddress: z.ipv4(),
  publicAddress: z.ipv4().optional(),
});
export type DeployedNode = z.infer<typeof nodeSchema>;

/** A deployment as the API shows it to its member. */
export const deploymentSchema = z.object({
  deploymentId: ULID,
  memberId: z.string(),
  siteId: SITE_ID,
  imageId: ULID,
  imageName: IMAGE_NAME,
  imageVersion: z.int().positive(),
  manifestSha256: SHA256,
  /** Why the version was deprecated when the deployment was asked for. */
  imageDeprecated: z.string().optional(),
  sshPublicKeys: z.array(SSH_PUBLIC_KEY).min(1).max(16),
  memoryMiB: z.object({ frontend: z.int().positive(), compute: z.int().positive() }),
  /** Networks of the site in which every node has a further interface. */
  extraInterfaces: z.array(NETWORK_NAME).max(MAX_EXTRA_INTERFACES).optional(),
  desired: desiredSchema,
  phase: z.enum(PHASES),
  /** Counts every change of the row; each write is conditional on it. */
  version: z.int().positive(),
  /** Counts the records of this deployment in the audit trail: a gap there shows a lost record. */
  auditSequence: z.int().positive(),
  /** When it was counted last, where nothing else of the row was news then. */
  auditedAt: z.iso.datetime().optional(),
  /** The agent that works on it, from its first report on. */
  agentId: z.string().optional(),
  /** The number of the report that was applied last: those up to it are done with. */
  reportSequence: z.int().nonnegative().optional(),
  progress: progressSchema.optional(),
  nodes: z.array(nodeSchema).optional(),
  failure: failureSchema.optional(),
  timeline: timelineSchema.optional(),
  /** Since its agent said so last: with these nodes. It stays when it runs no more. */
  runningSince: z.iso.datetime().optional(),
  /** When its time is over: it is stopped then, or destroyed where it has not run yet; absent where it has no end. */
  endsAt: z.iso.datetime().optional(),
  /** When its history will have a warning of that; absent once it has. */
  endWarningAt: z.iso.datetime().optional(),
  /** When it is destroyed, unless it is given more time before; absent until it has been stopped because its time was over. */
  destroyAt: z.iso.datetime().optional(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** When it came on last: its present wish was made, or a report of it moved phase or bytes. */
  progressedAt: z.iso.datetime(),
  /** When a further message announced its present wish; absent where none did. */
  announcedAt: z.iso.datetime().optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;

/** One entry of a deployment's history. `sequence` is the row's version after the change. */
export const deploymentEventSchema = z.object({
  deploymentId: ULID,
  sequence: z.int().positive(),
  at: z.iso.datetime(),
  phase: z.enum(PHASES),
  generation: z.int().positive(),
  /** Who did it: `member:<id>`, `agent:<siteId>/<agentId>`, or `sweep` where its time is over, or soon will be. */
  actor: z.string(),
  /** Where it was sent, in the first event. */
  siteId: SITE_ID.optional(),
  /** When it ends, in an event about that: of the sweep, a warning. */
  endsAt: z.iso.datetime().optional(),
  /** When it is destroyed, in the event that its time is over. */
  destroyAt: z.iso.datetime().optional(),
  failure: failureSchema.optional(),
});
export type DeploymentEvent = z.infer<typeof deploymentEventSchema>;
