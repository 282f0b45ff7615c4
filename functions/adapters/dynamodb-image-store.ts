/** Images in the table: the image, its name (unique), and its versions below it. */
import { type Image, imageSchema, type ImageVersion, imageVersionSchema } from '#shared/api.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { ImageStore, OutboxEntry } from '../ports.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Table } from './dynamodb-table.ts';

const imageKey = (imageId: string) => ({ pk: `IMAGE#${imageId}`, sk: 'IMAGE' });
const nameKey = (imageName: string) => ({ pk: `IMAGE_NAME#${imageName}`, sk: 'IMAGE_NAME' });
const versionSk = (version: number): string => `VERSION#${String(version).padStart(10, '0')}`;

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
        this.#table.put({ ...imageKey(image.imageId), listPk: 'IMAGES', listSk: image.imageName, ...image }),
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
        this.#table.put({ pk: imageKey(version.imageId).pk, sk: versionSk(version.version), ...version }),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError('CONFLICT', `version ${version.version} is not the next one of ${version.imageName}`, {
        remedy: 'Somebody published at the same time: publish again.',
      });
    }
  }
}
