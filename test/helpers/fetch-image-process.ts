/** A process of its own that fetches a whole base image, to be killed by a test. Its argument is a FetchImageTask as JSON. */
import type { DiskDescription } from '#shared/image/manifest.ts';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import { createCloudFrontSource } from '../../edge-agent/repositories/cloudfront.ts';
import { makeGrant } from './edge-fixture.ts';
import { SAMPLE_IMAGE_ID } from './sample-disk.ts';
import { flowOf } from './flow.ts';

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
const images = new BaseImages({ cacheDirectory, unpackThreads: 2 });
const { image } = await images.open({ disk, imageId: SAMPLE_IMAGE_ID, source, signal });
await image.fetchAll({ flow: flowOf(connections), signal });
