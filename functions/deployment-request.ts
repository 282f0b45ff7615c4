/** What a request for a deployment asks for, where it leaves something unsaid. */
import type { requestDeploymentRequest } from '#shared/api/deployments.ts';
import type { Deployment, Desired } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type * as z from 'zod';

export type DeploymentRequest = z.infer<typeof requestDeploymentRequest>;

/** What a node gets where nobody says otherwise: the original tool's default. */
const DEFAULT_MEMORY_MIB = 2048;

export function memoryOf({ memoryMiB }: Pick<DeploymentRequest, 'memoryMiB'>): Deployment['memoryMiB'] {
  return memoryMiB ?? { frontend: DEFAULT_MEMORY_MIB, compute: DEFAULT_MEMORY_MIB };
}

/**
 * Computes of one CPU each, unless CPUs are asked for: the computes share them evenly, and where no number of computes is given, one
 * takes them all, as with the original's `boot VC CPUS` on one host (docs/decisions/0018). Throws INVALID_REQUEST.
 */
export function firstWish({ cpus, computes }: Pick<DeploymentRequest, 'cpus' | 'computes'>): Desired {
  const wish = { power: 'on', generation: 1 } as const;
  if (cpus === undefined) return { ...wish, computes: computes ?? 0, cpusPerCompute: 1 };
  const sharedBy = computes ?? Math.min(cpus, 1);
  if (cpus === 0 && sharedBy === 0) return { ...wish, computes: 0, cpusPerCompute: 1 };
  if (sharedBy > 0 && cpus > 0 && cpus % sharedBy === 0) {
    return { ...wish, computes: sharedBy, cpusPerCompute: cpus / sharedBy };
  }
  throw new EdgebootError('INVALID_REQUEST', `${sharedBy} computes cannot share ${cpus} CPUs evenly`, {
    remedy: 'Ask for as many CPUs for each compute, or for CPUs alone: one compute then takes them all.',
  });
}
