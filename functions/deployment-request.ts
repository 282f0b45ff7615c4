/** What a request for a deployment asks for, where it leaves something unsaid. */
import type { requestDeploymentRequest } from '#shared/api/deployments.ts';
import type { Deployment } from '#shared/deployment.ts';
import type * as z from 'zod';

export type DeploymentRequest = z.infer<typeof requestDeploymentRequest>;

/** What a node gets where nobody says otherwise: the original tool's default. */
const DEFAULT_MEMORY_MIB = 2048;

export function memoryOf({ memoryMiB }: Pick<DeploymentRequest, 'memoryMiB'>): Deployment['memoryMiB'] {
  return memoryMiB ?? { frontend: DEFAULT_MEMORY_MIB, compute: DEFAULT_MEMORY_MIB };
}
