/** A sample disk, a server of its parts, and the stack of sources that the agent uses. */
import { join } from 'node:path';
import type { Grant } from '#shared/grant.ts';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import type { PartSource } from '../../edge-agent/ports.ts';
import { createCloudFrontSource } from '../../edge-agent/repositories/cloudfront.ts';
import { GrantHolder } from '../../edge-agent/repositories/grant-holder.ts';
import { nearestEdge } from '../../edge-agent/repositories/nearest-edge.ts';
import { renewing } from '../../edge-agent/repositories/renewing.ts';
import { retrying } from '../../edge-agent/repositories/retrying.ts';
import { type Fault, type PartServer, type SeenRequest, startPartServer } from './part-server.ts';
import { createSampleDisk, type SampleDisk } from './sample-disk.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface EdgeFixtureOptions {
  readonly faultOf?: (request: SeenRequest) => Fault | undefined;
  readonly sample?: (directory: string) => Promise<SampleDisk>;
  readonly unpackThreads?: number;
}

export interface EdgeFixture extends AsyncDisposable {
  readonly folder: string;
  readonly cacheDirectory: string;
  readonly sample: SampleDisk;
  readonly server: PartServer;
  readonly source: PartSource;
  readonly images: BaseImages;
  readonly grants: GrantHolder;
  readonly renewals: () => number;
}

export const FAR_FUTURE = '2099-01-01T00:00:00Z';

export function makeGrant(baseUrl: string, number = 0, expiresAt = FAR_FUTURE): Grant {
  const signedQuery = `Policy=p${number}&Signature=s&Key-Pair-Id=k&Hash-Algorithm=SHA256`;
  return { schemaVersion: 1, baseUrl, signedQuery, resource: `${baseUrl}/images/*`, expiresAt };
}

export async function createEdgeFixture(options: EdgeFixtureOptions = {}): Promise<EdgeFixture> {
  await using cleanUp = new AsyncDisposableStack();
  const folder = cleanUp.use(await createTemporaryFolder()).path;
  const sample = await (options.sample ?? createSampleDisk)(folder);
  const { faultOf } = options;
  const server = cleanUp.use(await startPartServer({ objects: sample.objects, ...(faultOf && { faultOf }) }));
  let renewals = 0;
  const grants = new GrantHolder(makeGrant(server.baseUrl), () => {
    renewals++;
    return Promise.resolve(makeGrant(server.baseUrl, renewals));
  });
  const edge = createCloudFrontSource({ currentGrant: () => grants.current(), address: undefined, connections: 16 });
  cleanUp.defer(() => edge.close());
  const source = retrying(nearestEdge([{ source: renewing(edge, grants), roundTripMilliseconds: 1 }]), {
    firstDelaySeconds: 0.01,
    deadlineSeconds: 5,
  });
  const cacheDirectory = join(folder, 'cache');
  const { unpackThreads = 2 } = options;
  const images = new BaseImages({ cacheDirectory, unpackThreads });
  const owned = cleanUp.move();
  return {
    folder,
    cacheDirectory,
    sample,
    server,
    source,
    images,
    grants,
    renewals: () => renewals,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
