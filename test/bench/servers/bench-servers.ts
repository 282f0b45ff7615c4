/** Everything that is fetched from: one nginx, and roads of the model before it, each a process of its own. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type ChildServer, startChildServer } from '../../../local/child-server.ts';
import { freePort } from '../../../local/free-port.ts';
import { makeSelfSignedCertificate } from '../../helpers/self-signed-certificate.ts';
import type { Distances } from '../model/distances.ts';
import type { Road } from '../model/flow.ts';
import type { LinkParameters } from '../model/link.ts';
import type { RoadOptions } from '../model/road-options.ts';
import { BACKBONE } from '../model/roads.ts';
import { nginxConfiguration, type NginxPorts } from './nginx-configuration.ts';
import { TransferLog } from './transfer-log.ts';

/** Where a pipeline fetches from. */
export interface Endpoint {
  /** Without a slash at the end. */
  readonly url: string;
  /** Its own answers, however they reach the viewer. */
  readonly log: TransferLog;
}

export const NETWORKS = ['loopback', 'tls', 'far', 'near', 'cold', 'caching'] as const;
export type Network = (typeof NETWORKS)[number];

export interface BenchServers extends AsyncDisposable {
  readonly endpoints: Readonly<Record<Network, Endpoint>>;
  /** Of the server with TLS. */
  readonly certificateFile: string;
}

export interface ServersOptions {
  readonly www: string;
  /** For what the servers write; made where it is missing. */
  readonly directory: string;
  readonly distances: Distances;
}

const READY_SECONDS = 10;
const ROAD_PROCESS = path.resolve(import.meta.dirname, '../model/road-process.ts');

/** The caching edge location has nothing yet. */
export async function startBenchServers({ www, directory, distances }: ServersOptions): Promise<BenchServers> {
  await using undo = new AsyncDisposableStack();
  await mkdir(directory, { recursive: true });
  const folder = await mkdtemp(path.join(directory, 'servers-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const ports: NginxPorts = {
    origin: await freePort(),
    originTls: await freePort(),
    warmEdge: await freePort(),
    coldEdge: await freePort(),
    cachingEdge: await freePort(),
  };
  const lay = async (road: Road, link: LinkParameters, targetPort: number): Promise<number> => {
    const { server, port } = await startRoad({ road, link, targetPort, seed: targetPort });
    undo.defer(() => server.close());
    return port;
  };
  const missVia = await lay(distances.miss, BACKBONE, ports.origin);
  const certificate = await makeSelfSignedCertificate(folder);
  const accessLog = path.join(folder, 'access.log');
  const nginx = await startNginx(
    folder,
    nginxConfiguration({ folder, www, ports, missVia, accessLog, ...certificate }),
  );
  undo.defer(() => nginx.close());

  const at = (port: number, ownPort = port, scheme = 'http'): Endpoint => ({
    url: `${scheme}://127.0.0.1:${port}`,
    log: new TransferLog(accessLog, ownPort),
  });
  const behind = async (road: Road, ownPort: number): Promise<Endpoint> =>
    at(await lay(road, distances.siteLink, ownPort), ownPort);
  const endpoints = {
    loopback: at(ports.origin),
    tls: at(ports.originTls, ports.originTls, 'https'),
    far: await behind(distances.far, ports.origin),
    near: await behind(distances.near, ports.warmEdge),
    cold: await behind(distances.cold, ports.coldEdge),
    caching: await behind(distances.caching, ports.cachingEdge),
  };
  const held = undo.move();
  return { endpoints, certificateFile: certificate.certificateFile, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function startRoad(options: RoadOptions): Promise<{ readonly server: ChildServer; readonly port: number }> {
  let port = 0;
  const server = await startChildServer({
    name: 'a road of the model',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', ROAD_PROCESS, JSON.stringify(options)],
    environment: {},
    directory: '/',
    readyTimeoutSeconds: READY_SECONDS,
    judge(line) {
      port = Number(/^listening on (\d+)$/.exec(line)?.[1] ?? 0);
      return port > 0 ? 'ready' : undefined;
    },
    log: () => undefined,
  });
  return { server, port };
}

async function startNginx(folder: string, configuration: string): Promise<ChildServer> {
  const file = path.join(folder, 'nginx.conf');
  await writeFile(file, configuration);
  return startChildServer({
    name: 'nginx',
    command: 'nginx',
    args: ['-p', folder, '-e', 'stderr', '-c', file],
    environment: { PATH: process.env['PATH'] ?? '' },
    directory: folder,
    readyTimeoutSeconds: READY_SECONDS,
    // It listens before it chooses how to wait for events.
    judge: (line) => (line.includes('using the "epoll" event method') ? 'ready' : undefined),
    log: () => undefined,
  });
}
