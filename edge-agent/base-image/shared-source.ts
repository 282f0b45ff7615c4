/**
 * The source of an image that several deployments have open: each brings a repository of its own, with its own grant, where the same
 * objects may lie under another image's id. So the image is asked for objects by their names within it: `parts/<sha256>`.
 */
import { EdgebootError } from '#shared/errors.ts';
import { imageFolder } from '#shared/image/manifest.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';

export interface SourceUser {
  readonly imageId: string;
  /** The whole repository. */
  readonly source: PartSource;
}

export class SharedSource implements PartSource {
  readonly #users = new Set<SourceUser>();

  add(user: SourceUser): void {
    this.#users.add(user);
  }

  /** The user is about to close his source. */
  remove(user: SourceUser): void {
    this.#users.delete(user);
  }

  /** Asks the source of whoever has had the image open longest; should he leave meanwhile, the next one's. */
  async fetch(request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject> {
    for (const user of this.#users) {
      try {
        return await user.source.fetch({ ...request, path: `${imageFolder(user.imageId)}/${request.path}` }, signal);
      } catch (error) {
        if (this.#users.has(user) || signal.aborted) throw error;
      }
    }
    throw new EdgebootError('PART_UNAVAILABLE', 'Nobody has the image open any more.');
  }
}
