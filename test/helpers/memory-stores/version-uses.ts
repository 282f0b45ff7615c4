/** Uses of image versions in memory. */
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { VersionUse } from '#shared/image/catalog.ts';

/** Who uses which image version, and which are closed: of all stores together, as in the one table. */
export class MemoryVersionUses {
  readonly #uses = new Map<string, Map<string, VersionUse>>();
  readonly #closed = new Map<string, 'recalled' | 'deleted'>();

  requireOpen({ imageId, imageVersion }: Pick<Deployment, 'imageId' | 'imageVersion'>): void {
    const closed = this.#closed.get(`${imageId}#${imageVersion}`);
    if (closed === undefined) return;
    throw new EdgebootError(closed === 'recalled' ? 'IMAGE_RECALLED' : 'NOT_FOUND', `it was ${closed} a moment ago`);
  }

  close(imageId: string, version: number, why: 'recalled' | 'deleted'): void {
    this.#closed.set(`${imageId}#${version}`, why);
  }

  begin({ deploymentId, memberId, siteId, imageId, imageVersion }: Deployment): void {
    this.#of(imageId, imageVersion).set(deploymentId, { deploymentId, memberId, siteId });
  }

  end({ deploymentId, imageId, imageVersion }: Deployment): void {
    this.#of(imageId, imageVersion).delete(deploymentId);
  }

  list(imageId: string, version: number): VersionUse[] {
    return [...this.#of(imageId, version).values()].sort((a, b) => (a.deploymentId < b.deploymentId ? -1 : 1));
  }

  #of(imageId: string, version: number): Map<string, VersionUse> {
    const uses = this.#uses.get(`${imageId}#${version}`) ?? new Map<string, VersionUse>();
    this.#uses.set(`${imageId}#${version}`, uses);
    return uses;
  }
}
