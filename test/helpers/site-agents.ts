/** Several agents of one site, as far as peers are concerned: each has a cache and answers the others. One edge counts what they take. */
import { join } from 'node:path';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import type { ImageCache } from '../../edge-agent/cache/image-cache.ts';
import { ensureDirectory } from '../../edge-agent/durable-files.ts';
import { type PeerServer, startPeerServer } from '../../edge-agent/peers/peer-server.ts';
import { createPeerSource } from '../../edge-agent/peers/peer-source.ts';
import { SitePeers } from '../../edge-agent/peers/site-peers.ts';
import { createHttpAgent } from '../../edge-agent/repositories/http-agent.ts';
import type { TransferReport } from '../../edge-agent/transfer/transfer-report.ts';
import { createEdgeFixture, type EdgeFixture, type EdgeFixtureOptions } from './edge-fixture.ts';
import { flowOf } from './flow.ts';
import { makeImageCache } from './image-cache.ts';
import { SAMPLE_IMAGE_ID, SAMPLE_LABEL } from './sample-disk.ts';

export const SITE_KEY = Buffer.from('the key of a site that is there for tests only');

export interface PeersOfOptions {
  readonly begin?: number;
  readonly key?: Buffer;
  readonly answerSeconds?: number;
  readonly patienceSeconds?: number;
}

interface Host {
  readonly cache: ImageCache;
  readonly server: PeerServer;
  readonly address: string;
}

export interface SiteAgent extends Host {
  readonly images: BaseImages;
  /** Those that this agent has left out, with the code of the reason. */
  readonly leftOut: readonly (readonly [address: string, code: string])[];
}

export interface Site extends AsyncDisposable {
  readonly edge: EdgeFixture;
  /** Bytes of parts and of the frame index that the edge was asked for. */
  edgeBytes(): number;
  addAgent(addresses: readonly string[], options?: PeersOfOptions): Promise<SiteAgent>;
  /** So many who know each other, and begin at different places. */
  addAgents(number: number): Promise<readonly SiteAgent[]>;
  fetchAll(agent: SiteAgent, signal: AbortSignal): Promise<FetchedBySite>;
}

export interface FetchedBySite {
  readonly file: string;
  readonly report: TransferReport;
}

export async function createSite(edgeOptions: EdgeFixtureOptions = {}): Promise<Site> {
  const edge = await createEdgeFixture(edgeOptions);
  const cleanUp = new AsyncDisposableStack();
  cleanUp.use(edge);
  const dispatcher = cleanUp.adopt(createHttpAgent(4), (agent) => agent.destroy());
  let count = 0;
  const startHost = async (): Promise<Host> => {
    const directory = join(edge.folder, `host-${count++}`);
    await ensureDirectory(directory, 0o711);
    const cache = makeImageCache(directory);
    const host: { images?: BaseImages } = {};
    const server = cleanUp.use(
      await startPeerServer({
        ...{ host: '127.0.0.1', port: 0, key: SITE_KEY },
        folderOf: (disk) => cache.folderOf(disk),
        isComing: (disk, frame) => host.images?.isOnItsWay(disk, frame) ?? false,
      }),
    );
    return Object.assign(host, { cache, server, address: `127.0.0.1:${server.port}` });
  };
  const meet = (host: Host, addresses: readonly string[], options: PeersOfOptions = {}): SiteAgent => {
    const { begin = 0, key = SITE_KEY, answerSeconds, patienceSeconds } = options;
    const leftOut: (readonly [string, string])[] = [];
    const peers = new SitePeers({
      peers: addresses.map((address) => ({
        address,
        source: createPeerSource({ address, key, dispatcher, ...(answerSeconds !== undefined && { answerSeconds }) }),
      })),
      flow: flowOf(4),
      begin,
      onLeftOut: (address, { code }) => leftOut.push([address, code]),
      ...(patienceSeconds !== undefined && { patienceSeconds }),
    });
    const images = new BaseImages({ cache: host.cache, unpackThreads: 1, peers });
    return Object.assign(host, { images, leftOut });
  };
  const fetchAll = async ({ images }: SiteAgent, signal: AbortSignal): Promise<FetchedBySite> => {
    const { sample, source } = edge;
    const image = { disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label: SAMPLE_LABEL, source };
    await using opened = await images.open({ ...image, signal });
    const report = await opened.image.fetchAll({ flow: flowOf(8), signal });
    return { file: opened.image.file, report };
  };
  return {
    edge,
    edgeBytes: () => edge.server.sentBytes(),
    addAgent: async (addresses, options) => meet(await startHost(), addresses, options),
    async addAgents(number) {
      const hosts: Host[] = [];
      while (hosts.length < number) hosts.push(await startHost());
      return hosts.map((host, i) => {
        const others = hosts.filter((other) => other !== host).map(({ address }) => address);
        return meet(host, others, { begin: i / number });
      });
    },
    fetchAll,
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
}
