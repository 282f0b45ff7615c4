/** Images in the table: the image, its name (unique), and its versions below it, each with its uses (dynamodb-version-uses.ts). */
import { type Image, imageSchema, type ImageVersion, imageVersionSchema } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { VersionUse } from '#shared/image/catalog.ts';
import type { ImageStore, OutboxEntry } from '../ports.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Item, type Key, type Table, type Write } from './dynamodb-table.ts';
import { checkOpen, closedError, closeGates, listUses } from './dynamodb-version-uses.ts';

const imageKey = (imageId: string) => ({ pk: `IMAGE#${imageId}`, sk: 'IMAGE' });
const nameKey = (imageName: string) => ({ pk: `IMAGE_NAME#${imageName}`, sk: 'IMAGE_NAME' });
const versionSk = (version: number): string => `VERSION#${String(version).padStart(10, '0')}`;

const imageItem = (image: Image) => ({
  ...imageKey(image.imageId),
  listPk: 'IMAGES',
  listSk: image.imageName,
  ...image,
});
const versionItem = (version: ImageVersion) => ({
  ...{ pk: imageKey(version.imageId).pk, sk: versionSk(version.version) },
  ...version,
});

export class DynamoDbImageStore implements ImageStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async findOrCreate(image: Image, outbox: readonly OutboxEntry[]): Promise<Image> {
    const there = await this.findByName(image.imageName);
    if (there !== undefined) return there;
    try {
      await this.#table.transact([
        this.#table.put({ ...nameKey(image.imageName), imageId: image.imageId }, 'attribute_not_exists(pk)'),
        this.#table.put(imageItem(image)),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
      return image;
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      const winner = await this.findByName(image.imageName);
      if (winner === undefined) throw error;
      return winner;
    }
  }

  async findByName(imageName: string): Promise<Image | undefined> {
    const name = await this.#table.get(nameKey(imageName));
    return name && this.findById(String(name['imageId']));
  }

  async findById(imageId: string): Promise<Image | undefined> {
    const item = await this.#table.get(imageKey(imageId));
    return item && imageSchema.parse(item);
  }

  async list(): Promise<readonly Image[]> {
    return (await this.#table.listUnder('IMAGES')).map((item) => imageSchema.parse(item));
  }

  async listVersions(imageId: string): Promise<readonly ImageVersion[]> {
    const items = await this.#table.queryPrefix(imageKey(imageId).pk, 'VERSION#');
    return items.map((item) => imageVersionSchema.parse(item));
  }

  async findVersion(imageId: string, version: number): Promise<ImageVersion | undefined> {
    const item = await this.#table.get({ pk: imageKey(imageId).pk, sk: versionSk(version) });
    return item && imageVersionSchema.parse(item);
  }

  async addVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void> {
    const next = {
      Update: {
        TableName: this.#table.name,
        Key: imageKey(version.imageId),
        UpdateExpression: 'SET latestVersion = :next',
        ConditionExpression: 'latestVersion = :previous',
        ExpressionAttributeValues: { ':next': version.version, ':previous': version.version - 1 },
      },
    };
    try {
      await this.#table.transact([
        next,
        this.#table.put(versionItem(version)),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError('CONFLICT', `version ${version.version} is not the next one of ${version.imageName}`, {
        remedy: 'Somebody published at the same time: publish again.',
      });
    }
  }

  async replaceSettings(
    before: Image,
    after: Image,
    pointedAt: number | undefined,
    outbox: readonly OutboxEntry[],
  ): Promise<void> {
    const { imageId } = before;
    const { condition, values } = unchanged(before);
    const { channels = {}, removedChannels = {}, sharing = { with: 'members' }, revision } = after;
    const settings = { ':channels': channels, ':removed': removedChannels, ':sharing': sharing, ':revision': revision };
    await this.#commit(`the image ${before.imageName} was changed at the same time`, [
      {
        Update: {
          TableName: this.#table.name,
          Key: imageKey(imageId),
          UpdateExpression:
            'SET channels = :channels, removedChannels = :removed, sharing = :sharing, revision = :revision',
          ConditionExpression: condition,
          ExpressionAttributeValues: { ...settings, ...values },
        },
      },
      ...(pointedAt === undefined ? [] : [checkOpen(this.#table, { imageId, imageVersion: pointedAt }, imageId)]),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ]);
  }

  async judgeVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void> {
    const { imageId, imageName } = version;
    const gate = { imageId, imageVersion: version.version };
    await this.#commit(`version ${version.version} of ${imageName} was changed at the same time`, [
      this.#table.put(versionItem(version), 'attribute_exists(pk) AND attribute_not_exists(recall)'),
      ...(version.recall ? closeGates(this.#table, gate, 'recalled') : []),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ]);
  }

  async deleteVersion(image: Image, version: number, outbox: readonly OutboxEntry[]): Promise<void> {
    const { imageId, imageName } = image;
    const { pk } = imageKey(imageId);
    const TableName = this.#table.name;
    const { condition, values } = unchanged(image);
    await this.#commit(`version ${version} of ${imageName} is used, or was changed at the same time`, [
      {
        ConditionCheck: {
          ...{ TableName, Key: imageKey(imageId), ConditionExpression: condition },
          ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
        },
      },
      { Delete: { TableName, Key: { pk, sk: versionSk(version) }, ConditionExpression: 'attribute_exists(pk)' } },
      ...closeGates(this.#table, { imageId, imageVersion: version }, 'deleted'),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ]);
  }

  async restoreImage(image: Image, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const { imageId, imageName } = image;
    const free = 'attribute_not_exists(pk) OR imageId = :imageId';
    await this.#commit(`the name ${imageName} is another image's`, [
      this.#table.put({ ...nameKey(imageName), imageId }, free, { ':imageId': imageId }),
    ]);
    return this.#putIfMissing(imageItem(image), [], outbox);
  }

  async restoreVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const { imageId } = version;
    const gate = { imageId, imageVersion: version.version, imageName: version.imageName };
    try {
      return await this.#putIfMissing(versionItem(version), [checkOpen(this.#table, gate, imageId)], outbox);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw await closedError(this.#table, gate, imageId);
    }
  }

  /** Throws ConditionRefused for a condition of `checks`. */
  async #putIfMissing(item: Item & Key, checks: Write[], outbox: readonly OutboxEntry[]): Promise<boolean> {
    try {
      await this.#table.transact([
        this.#table.put(item, 'attribute_not_exists(pk)'),
        ...checks,
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
      return true;
    } catch (error) {
      if (error instanceof ConditionRefused && error.positions.includes(0)) return false;
      throw error;
    }
  }

  listUses(imageId: string, version: number): Promise<readonly VersionUse[]> {
    return listUses(this.#table, { imageId, imageVersion: version });
  }

  async #commit(conflict: string, writes: Write[]): Promise<void> {
    try {
      await this.#table.transact(writes);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError('CONFLICT', conflict, { cause: error });
    }
  }
}

/** That channels and sharing are still those that were read. */
function unchanged({ revision }: Image): { readonly condition: string; readonly values: Record<string, number> } {
  return revision === undefined
    ? { condition: 'attribute_exists(pk) AND attribute_not_exists(revision)', values: {} }
    : { condition: 'revision = :read', values: { ':read': revision } };
}
