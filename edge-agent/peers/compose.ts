/** Where a host finds the other agents of its site, and where it answers them. */
import type { Log } from '#shared/log-fields.ts';
import type { BaseImages } from '../base-image/base-images.ts';
import type { ImageCache } from '../cache/image-cache.ts';
import type { AgentConfig } from '../config.ts';
import { createHttpAgent } from '../repositories/http-agent.ts';
import { fixedConnections } from '../transfer/adaptive-connections.ts';
import { TransferFlow } from '../transfer/transfer-flow.ts';
import { parsePeerAddress } from './peer-address.ts';
import { readPeerKey } from './peer-key.ts';
import { type PeerServer, startPeerServer } from './peer-server.ts';
import { createPeerSource } from './peer-source.ts';
import { SitePeers } from './site-peers.ts';

/** A LAN is full with few. Each holds a part, raw, until it is written. */
const CONNECTIONS = 4;
const MEMORY_BYTES = 36 * 1024 * 1024;

type PeerSettings = NonNullable<AgentConfig['peers']>;

/** @param undo takes what must be closed. Throws INVALID_CONFIG. */
export async function composePeers(
  settings: PeerSettings | undefined,
  undo: AsyncDisposableStack,
  log?: Log,
): Promise<SitePeers | undefined> {
  if (settings === undefined) return undefined;
  const key = await readPeerKey(settings.keyFile);
  const dispatcher = undo.adopt(createHttpAgent(CONNECTIONS), (agent) => agent.destroy());
  // The same list may serve all hosts of a site.
  const others = settings.addresses.filter((address) => address !== settings.listen);
  return new SitePeers({
    peers: others.map((address) => ({ address, source: createPeerSource({ address, key, dispatcher }) })),
    flow: new TransferFlow({ connections: fixedConnections(CONNECTIONS), memoryBytes: MEMORY_BYTES }),
    begin: Math.random(),
    onLeftOut: (address, { code, message }) =>
      log?.warn('peer left out', { address, errorCode: code, reason: message }),
  });
}

/** Throws INVALID_CONFIG. */
export async function listenForPeers(
  settings: PeerSettings,
  { imageCache, baseImages }: { readonly imageCache: ImageCache; readonly baseImages: BaseImages },
): Promise<PeerServer> {
  const { host, port } = parsePeerAddress(settings.listen) ?? { host: settings.listen, port: 0 };
  return startPeerServer({
    ...{ host, port, key: await readPeerKey(settings.keyFile) },
    folderOf: (disk) => imageCache.folderOf(disk),
    isComing: (disk, frame) => baseImages.isOnItsWay(disk, frame),
  });
}
