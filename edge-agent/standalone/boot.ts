/**
 * THE FLOW WITHOUT A FEDERATION. A virtual cluster of a repository becomes a cluster on this host:
 *
 *   find → allocate → fetch and assemble → personalize → boot
 *
 * The steps are those of deploy.ts. What fails or is interrupted leaves nothing but what is in the cache.
 */
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { ulid } from 'ulid';
import { divideCpus } from '../core/divide-cpus.ts';
import { type ExtraNetwork, planExtraInterfaces } from '../core/extra-interfaces.ts';
import { type ClusterPlan, clusterName, type PlanRequest } from '../core/plan-cluster.ts';
import type { SiteLink } from '../ports.ts';
import type { Work } from '../run.ts';
import { allocate, type AllocatePorts } from '../steps/allocate.ts';
import { bootCluster, type BootPorts } from '../steps/boot-cluster.ts';
import { claimBases, type ClaimPorts } from '../steps/claim-bases.ts';
import { personalize, type PersonalizePorts } from '../steps/personalize.ts';
import { holdCluster, type HoldPorts } from './hold-cluster.ts';
import { releaseCluster, type ReleasePorts } from './release-cluster.ts';
import type { FetchOptions, FindImage, FoundImage, WantedImage } from './ports.ts';

export interface BootWish extends WantedImage {
  /** In all, over the computes; 0 for a frontend alone. */
  readonly cpus: number;
  /** How many computes share them; one unless given. */
  readonly computes: number | undefined;
  /** Beats what the image's description says. */
  readonly memoryMiB: { readonly frontend: number; readonly compute: number } | undefined;
  readonly sshPublicKeys: readonly string[];
  readonly extraNetworks: readonly ExtraNetwork[];
}

export type StandalonePorts = HoldPorts &
  AllocatePorts &
  PersonalizePorts &
  BootPorts &
  ClaimPorts &
  ReleasePorts & {
    readonly findImage: FindImage;
    readonly linkOf: (network: string) => SiteLink;
  };

export interface Told extends Pick<FetchOptions, 'onProgress' | 'onNotice'> {
  readonly onStep: (step: string) => void;
}

/** The clusters of this host carry this in the place of a site's id: no agent of a federation takes them for its own. */
export const STANDALONE_SITE_ID = 'standalone';
/** Where neither the wish nor the image says anything (formats, section 2). */
const DEFAULT_MEMORY_MIB = 2048;

/** Throws what the steps throw, USAGE where CPUs and computes do not fit. */
export async function boot(wish: BootWish, work: Work, told: Told, ports: StandalonePorts): Promise<ClusterPlan> {
  const computeCpus = divideCpus(wish.cpus, wish.computes);
  told.onStep(`looking for ${wish.name}`);
  await using image = await ports.findImage(wish, work.signal);
  if (computeCpus.length > 0 && !image.hasComputes) {
    throw new EdgebootError('IMAGE_NOT_COMPLIANT', `${wish.name} has no disk for computes`, {
      remedy: 'Ask for 0 CPUs: a frontend alone.',
    });
  }

  const place = placeFor(wish, image, computeCpus, ports);
  // Before anybody can find it.
  await using _held = await holdCluster(place.deploymentId, wish.name, ports);
  const plan = await allocate(place, work.signal, ports);
  try {
    told.onStep('fetching');
    const { onProgress, onNotice } = told;
    const claim = (bases: readonly string[]): Promise<void> => claimBases(plan.deploymentId, bases, ports);
    const disks = await work.stopwatch.time('fetch and assemble', () =>
      image.fetch({ computes: computeCpus.length, claim, onProgress, onNotice, signal: work.signal }),
    );

    told.onStep('personalizing');
    const nodes = await personalize(plan, disks, work, ports);
    await rememberDisks(plan, wish, disks, ports);

    told.onStep('booting');
    await bootCluster(plan, nodes, work, ports);
    return plan;
  } catch (error) {
    await giveUp(plan, told, ports);
    // Whatever an interruption broke on its way: it is what happened.
    work.signal.throwIfAborted();
    throw error;
  }
}

/** Why the boot failed matters more than why something is left of it. */
async function giveUp(plan: ClusterPlan, { onNotice }: Told, ports: StandalonePorts): Promise<void> {
  try {
    await releaseCluster(plan, ports);
  } catch (error) {
    const name = clusterName(plan);
    onNotice(`something is left of ${name} (${messageOf(error)}). Remove it with: edgeboot-agent clean ${name}`);
  }
}

function placeFor(wish: BootWish, image: FoundImage, computeCpus: readonly number[], ports: StandalonePorts) {
  const deploymentId = ulid();
  const siteId = STANDALONE_SITE_ID;
  const memory = (role: 'frontend' | 'compute'): number =>
    wish.memoryMiB?.[role] ?? image.memoryMiB[role] ?? DEFAULT_MEMORY_MIB;
  const request = (taken: readonly ClusterPlan[]): PlanRequest => ({
    ...{ siteId, deploymentId, computeCpus },
    imageName: image.name,
    memoryMiB: { frontend: memory('frontend'), compute: memory('compute') },
    sshPublicKeys: wish.sshPublicKeys,
    description: image.description,
    extraInterfaces: planExtraInterfaces(wish.extraNetworks, computeCpus.length + 1, ports.linkOf, taken),
  });
  const startedAt = new Date().toISOString();
  return { siteId, deploymentId, generation: 1, startedAt, request, local: { repository: wish.repository } };
}

/** From here on the cluster can be turned on again: not before, or a boot that was killed could be started half made. */
async function rememberDisks(
  plan: ClusterPlan,
  wish: BootWish,
  disks: Awaited<ReturnType<FoundImage['fetch']>>,
  { journal }: StandalonePorts,
): Promise<void> {
  const entry = await journal.read(plan.deploymentId);
  if (entry === undefined) throw new Error('the journal has lost the cluster');
  const hasComputes = plan.nodes.length > 1;
  const files = { frontend: disks.diskOf('frontend'), ...(hasComputes && { compute: disks.diskOf('compute') }) };
  await journal.write({ ...entry, local: { repository: wish.repository, disks: files } });
}
