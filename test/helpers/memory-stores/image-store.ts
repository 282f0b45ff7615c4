/** Images in memory. */
import type { Image, ImageVersion } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { VersionUse } from '#shared/image/catalog.ts';
import type { ImageStore, OutboxEntry } from '../../../functions/ports.ts';
import type { MemoryOutbox } from './outbox.ts';
import type { MemoryVersionUses } from './version-uses.ts';

export class MemoryImageStore implements ImageStore {
  readonly #images = new Map<string, Image>();
  #versions: readonly ImageVersion[] = [];
  readonly #outbox: MemoryOutbox;
  readonly #uses: MemoryVersionUses;

  constructor(outbox: MemoryOutbox, uses: MemoryVersionUses) {
    this.#outbox = outbox;
    this.#uses = uses;
  }

  async findOrCreate(image: Image, outbox: readonly OutboxEntry[]): Promise<Image> {
    const there = this.#named(image.imageName);
    if (there) return there;
    this.#images.set(image.imageId, image);
    await this.#outbox.add(outbox);
    return image;
  }

  findByName(imageName: string): Promise<Image | undefined> {
    return Promise.resolve(this.#named(imageName));
  }

  #named(imageName: string): Image | undefined {
    return [...this.#images.values()].find((image) => image.imageName === imageName);
  }

  findById(imageId: string): Promise<Image | undefined> {
    return Promise.resolve(this.#images.get(imageId));
  }

  list(): Promise<readonly Image[]> {
    return Promise.resolve([...this.#images.values()].sort((a, b) => (a.imageName < b.imageName ? -1 : 1)));
  }

  listVersions(imageId: string): Promise<readonly ImageVersion[]> {
    return Promise.resolve(this.#versions.filter((version) => version.imageId === imageId));
  }

  findVersion(imageId: string, version: number): Promise<ImageVersion | undefined> {
    return Promise.resolve(this.#version(imageId, version));
  }

  #version(imageId: string, version: number): ImageVersion | undefined {
    return this.#versions.find((one) => one.imageId === imageId && one.version === version);
  }

  async addVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void> {
    const image = this.#images.get(version.imageId);
    if (image?.latestVersion !== version.version - 1) {
      throw new EdgebootError('CONFLICT', `version ${version.version} is not the next one of ${version.imageName}`);
    }
    this.#images.set(image.imageId, { ...image, latestVersion: version.version });
    this.#versions = [...this.#versions, version];
    await this.#outbox.add(outbox);
  }

  async replaceSettings(
    ...[before, after, pointedAt, outbox]: Parameters<ImageStore['replaceSettings']>
  ): Promise<void> {
    const { imageId } = before;
    const image = this.#requireUnchanged(before);
    try {
      if (pointedAt !== undefined) this.#uses.requireOpen({ imageId, imageVersion: pointedAt });
    } catch (error) {
      throw new EdgebootError('CONFLICT', 'the version was recalled or deleted at the same time', { cause: error });
    }
    const { channels = {}, removedChannels = {}, sharing = { with: 'members' }, revision } = after;
    this.#images.set(imageId, { ...image, channels, removedChannels, sharing, revision });
    await this.#outbox.add(outbox);
  }

  async judgeVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void> {
    const there = this.#version(version.imageId, version.version);
    if (!there || there.recall) throw new EdgebootError('CONFLICT', 'the version was changed at the same time');
    this.#versions = this.#versions.map((one) => (one === there ? version : one));
    if (version.recall) this.#uses.close(version.imageId, version.version, 'recalled');
    await this.#outbox.add(outbox);
  }

  async deleteVersion(image: Image, version: number, outbox: readonly OutboxEntry[]): Promise<void> {
    this.#requireUnchanged(image);
    const there = this.#version(image.imageId, version);
    if (!there || this.#uses.list(image.imageId, version).length > 0) {
      throw new EdgebootError('CONFLICT', 'the version is used, or was changed at the same time');
    }
    this.#versions = this.#versions.filter((one) => one !== there);
    this.#uses.close(image.imageId, version, 'deleted');
    await this.#outbox.add(outbox);
  }

  async restoreImage(image: Image, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const { imageId, imageName } = image;
    if ((this.#named(imageName)?.imageId ?? imageId) !== imageId) {
      throw new EdgebootError('CONFLICT', `the name ${imageName} is another image's`);
    }
    if (this.#images.has(imageId)) return false;
    this.#images.set(imageId, image);
    await this.#outbox.add(outbox);
    return true;
  }

  async restoreVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const { imageId } = version;
    if (this.#version(imageId, version.version)) return false;
    this.#uses.requireOpen({ imageId, imageVersion: version.version });
    this.#versions = [...this.#versions, version].sort((a, b) => a.version - b.version);
    await this.#outbox.add(outbox);
    return true;
  }

  listUses(imageId: string, version: number): Promise<readonly VersionUse[]> {
    return Promise.resolve(this.#uses.list(imageId, version));
  }

  #requireUnchanged({ imageId, revision }: Image): Image {
    const image = this.#images.get(imageId);
    if (image && image.revision === revision) return image;
    throw new EdgebootError('CONFLICT', 'the image was changed at the same time');
  }
}
