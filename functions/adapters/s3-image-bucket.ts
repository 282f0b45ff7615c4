/** The origin bucket on S3. */
import {
  GetObjectCommand,
  HeadObjectCommand,
  NoSuchKey,
  NotFound,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { EdgebootError } from '#shared/errors.ts';
import { imageObjectKey, type ImageObjectKind } from '#shared/image/manifest.ts';
import { ULID } from '#shared/names.ts';
import type { ImageBucket } from '../ports.ts';

const UPLOAD_SECONDS = 15 * 60;
/** Objects are named by their content: an edge may keep them for ever. */
const CACHE_CONTROL = 'public, max-age=31536000, immutable';
/** What every object's key begins with. */
const IMAGES = 'images/';
const CHECKSUM_HEADER = 'x-amz-checksum-sha256';

export class S3ImageBucket implements ImageBucket {
  readonly #client: S3Client;
  readonly #bucket: string;

  /** @param pathStyle address the bucket in the path, for S3-compatible servers without wildcard DNS. */
  constructor(options: { bucket: string; pathStyle: boolean }) {
    this.#client = new S3Client({ forcePathStyle: options.pathStyle, requestChecksumCalculation: 'WHEN_REQUIRED' });
    this.#bucket = options.bucket;
  }

  async listImages(): Promise<readonly string[]> {
    const imageIds: string[] = [];
    const request = { Bucket: this.#bucket, Prefix: IMAGES, Delimiter: '/' };
    for await (const page of paginateListObjectsV2({ client: this.#client }, request)) {
      for (const { Prefix = '' } of page.CommonPrefixes ?? []) imageIds.push(Prefix.slice(IMAGES.length, -1));
    }
    return imageIds.filter((imageId) => ULID.safeParse(imageId).success);
  }

  async sizeOf(imageId: string, objectKind: ImageObjectKind, sha256: string): Promise<number | undefined> {
    try {
      const head = await this.#client.send(
        new HeadObjectCommand({ Bucket: this.#bucket, Key: imageObjectKey(imageId, objectKind, sha256) }),
      );
      return head.ContentLength;
    } catch (error) {
      if (error instanceof NotFound) return undefined;
      throw error;
    }
  }

  async list(imageId: string, objectKind: ImageObjectKind): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    const prefix = `images/${imageId}/${objectKind}/`;
    for await (const page of paginateListObjectsV2(
      { client: this.#client },
      { Bucket: this.#bucket, Prefix: prefix },
    )) {
      for (const { Key, Size } of page.Contents ?? [])
        if (Key !== undefined) sizes.set(Key.slice(prefix.length), Size ?? 0);
    }
    return sizes;
  }

  async read(imageId: string, objectKind: ImageObjectKind, sha256: string, maxBytes: number): Promise<Buffer> {
    try {
      const answer = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: imageObjectKey(imageId, objectKind, sha256) }),
      );
      if ((answer.ContentLength ?? Infinity) > maxBytes) {
        throw new EdgebootError('INVALID_REQUEST', `the object is larger than ${maxBytes} bytes`);
      }
      return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    } catch (error) {
      if (error instanceof NoSuchKey)
        throw new EdgebootError('NOT_FOUND', `${objectKind}/${sha256} was never uploaded`);
      throw error;
    }
  }

  async presignUpload(imageId: string, objectKind: ImageObjectKind, sha256: string, sizeBytes: number) {
    const headers = {
      [CHECKSUM_HEADER]: Buffer.from(sha256, 'hex').toString('base64'),
      'cache-control': CACHE_CONTROL,
      'content-length': String(sizeBytes),
    };
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: imageObjectKey(imageId, objectKind, sha256),
      ChecksumSHA256: headers[CHECKSUM_HEADER],
      CacheControl: CACHE_CONTROL,
      ContentLength: sizeBytes,
    });
    // S3 ignores a checksum that was moved into the query: only as a signed header does it bind the content.
    const url = await getSignedUrl(this.#client, command, {
      expiresIn: UPLOAD_SECONDS,
      unhoistableHeaders: new Set([CHECKSUM_HEADER]),
      signableHeaders: new Set(['host', CHECKSUM_HEADER, 'cache-control', 'content-length']),
    });
    return { url, headers };
  }
}
