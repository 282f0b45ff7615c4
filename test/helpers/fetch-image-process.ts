/**
 * A process of its own that fetches a whole base image, to be killed by a test, or to wait for another. Its argument is a
 * FetchImageTask as JSON. It says on standard output what it waits for, a line each, and at last how many bytes it has fetched.
 */
import type { DiskDescription } from '#shared/image/manifest.ts';
import { holdLock, tryHoldLock } from '../../edge-agent/adapters/host-lock.ts';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import { createCloudFrontSource } from '../../edge-agent/repositories/cloudfront.ts';
import { makeGrant } from './edge-fixture.ts';
import { flowOf } from './flow.ts';
import { makeImageCache } from './image-cache.ts';
import { SAMPLE_IMAGE_ID, SAMPLE_LABEL } from './sample-disk.ts';

export interface FetchImageTask {
  readonly baseUrl: string;
  readonly cacheDirectory: string;
  readonly disk: DiskDescription;
  readonly connections: number;
}

const { baseUrl, cacheDirectory, disk, connections } = JSON.parse(process.argv[2] ?? '') as FetchImageTask;
const { signal } = new AbortController();
const grant = makeGrant(baseUrl);
const source = createCloudFrontSource({ currentGrant: () => grant, address: undefined, connections });
const cache = makeImageCache(cacheDirectory, {
  holdLock: async (name) => {
    const release = await tryHoldLock(name);
    if (release !== undefined) return release;
    process.stdout.write(`waiting for ${name}\n`);
    return holdLock(name);
  },
});
const images = new BaseImages({ cache, unpackThreads: 2 });
const opened = await images.open({ disk, imageId: SAMPLE_IMAGE_ID, label: SAMPLE_LABEL, source, signal });
const { fetchedBytes } = await opened.image.fetchAll({ flow: flowOf(connections), signal });
await opened.close();
await source.close();
process.stdout.write(`fetched ${fetchedBytes}\n`);
