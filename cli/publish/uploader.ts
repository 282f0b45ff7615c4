/** Uploads objects through presigned URLs, several at once, and looks whether they are there; what was there already is not sent again. */
import { Agent, request } from 'undici';
import type * as z from 'zod';
import type { ApiClient } from '#shared/api-client.ts';
import { uploadsResponse } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { ImageObjectKind } from '#shared/image/manifest.ts';

/** Objects are asked about, and sent, this many at a time: also the bound of memory (8 MiB each). */
const BATCH_OBJECTS = 8;
const BATCHES_IN_FLIGHT = 2;
const MAX_ATTEMPTS = 4;

export interface UploadObject {
  readonly objectKind: ImageObjectKind;
  readonly sha256: string;
  readonly bytes: Buffer;
}

export interface UploadProgress {
  readonly uploadedObjects: number;
  readonly uploadedBytes: number;
  /** Objects that were in the bucket already. */
  readonly presentObjects: number;
}

type Upload = NonNullable<z.infer<typeof uploadsResponse>['uploads'][number]['upload']>;

const notTaken = (outcome: string): EdgebootError =>
  new EdgebootError('PART_UNAVAILABLE', `the bucket did not take an object: ${outcome}`, {
    remedy: 'Publish again: only what is missing is uploaded.',
  });

export class Uploader implements AsyncDisposable {
  readonly #api: ApiClient;
  readonly #imageId: string | undefined;
  readonly #agent = new Agent({ connections: BATCH_OBJECTS * BATCHES_IN_FLIGHT });
  #batch: UploadObject[] = [];
  #inFlight: Promise<void>[] = [];
  #progress: UploadProgress = { uploadedObjects: 0, uploadedBytes: 0, presentObjects: 0 };

  readonly #dryRun: boolean;

  /**
   * @param imageId `undefined` while there is no such image: then everything is missing, and can only be counted
   * @param dryRun whether to count what is missing only
   */
  constructor(api: ApiClient, imageId: string | undefined, { dryRun = false }: { readonly dryRun?: boolean } = {}) {
    this.#api = api;
    this.#imageId = imageId;
    this.#dryRun = dryRun;
  }

  get progress(): UploadProgress {
    return this.#progress;
  }

  /** Takes an object; resolves when there is room for another. Throws what an earlier upload threw. */
  async add(object: UploadObject): Promise<void> {
    this.#batch.push(object);
    if (this.#batch.length >= BATCH_OBJECTS) await this.#sendBatch();
  }

  /** Resolves when everything that was added is in the bucket. */
  async finish(): Promise<void> {
    if (this.#batch.length > 0) await this.#sendBatch();
    await Promise.all(this.#inFlight);
    this.#inFlight = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
    await Promise.allSettled(this.#inFlight);
  }

  async #sendBatch(): Promise<void> {
    // The same content twice (equal parts of two disks) is sent once.
    const unique = new Map(this.#batch.map((object) => [object.sha256, object]));
    this.#batch = [];
    if (this.#inFlight.length >= BATCHES_IN_FLIGHT) await this.#inFlight.shift();
    const sending = this.#send([...unique.values()]);
    sending.catch(() => undefined);
    this.#inFlight.push(sending);
  }

  async #send(objects: readonly UploadObject[]): Promise<void> {
    if (this.#imageId === undefined) {
      this.#countUploaded(objects);
      return;
    }
    let missing = await this.#missingOf(objects, this.#imageId);
    this.#count({ presentObjects: objects.length - missing.length });
    for (let attempt = 1; missing.length > 0; attempt++) {
      if (attempt > MAX_ATTEMPTS) throw notTaken('it says so, and has them not');
      if (this.#dryRun) {
        this.#countUploaded(missing);
        return;
      }
      await Promise.all(missing.map(({ bytes, upload }) => this.#put(upload.url, upload.headers, bytes)));
      // The bucket's 200 is not the end of it: what counts is what the control plane sees there.
      const still = await this.#missingOf(missing, this.#imageId);
      const absent = new Set(still.map(({ sha256 }) => sha256));
      this.#countUploaded(missing.filter(({ sha256 }) => !absent.has(sha256)));
      missing = still;
    }
  }

  async #missingOf(objects: readonly UploadObject[], imageId: string): Promise<(UploadObject & { upload: Upload })[]> {
    const { uploads } = await this.#api.call({
      method: 'POST',
      path: `/v1/images/${imageId}/uploads`,
      body: {
        objects: objects.map(({ objectKind, sha256, bytes }) => ({ objectKind, sha256, sizeBytes: bytes.length })),
      },
      answer: uploadsResponse,
    });
    return objects.flatMap(({ objectKind, sha256, bytes }, i) => {
      const upload = uploads[i]?.upload;
      return upload === undefined ? [] : [{ objectKind, sha256, bytes, upload }];
    });
  }

  /** The presigned URL is a grant: no error text repeats it. */
  async #put(url: string, headers: Record<string, string>, body: Buffer): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#putOnce(url, headers, body);
      if (outcome === undefined) return;
      if (attempt === MAX_ATTEMPTS) throw notTaken(outcome);
    }
  }

  async #putOnce(url: string, headers: Record<string, string>, body: Buffer): Promise<string | undefined> {
    try {
      const answer = await request(url, { method: 'PUT', headers, body, dispatcher: this.#agent });
      await answer.body.dump();
      return answer.statusCode === 200 ? undefined : `HTTP ${answer.statusCode}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'connection failed';
    }
  }

  #countUploaded(objects: readonly UploadObject[]): void {
    for (const { bytes } of objects) this.#count({ uploadedObjects: 1, uploadedBytes: bytes.length });
  }

  #count(more: Partial<UploadProgress>): void {
    const { uploadedObjects, uploadedBytes, presentObjects } = this.#progress;
    this.#progress = {
      uploadedObjects: uploadedObjects + (more.uploadedObjects ?? 0),
      uploadedBytes: uploadedBytes + (more.uploadedBytes ?? 0),
      presentObjects: presentObjects + (more.presentObjects ?? 0),
    };
  }
}
