/**
 * A content-delivery network on one machine: several edge locations under one host name and one port, each on its own loopback
 * address, in front of one origin, found through resolvers that answer as CloudFront's DNS does.
 */
import { FQDN } from '#shared/names.ts';
import { EdgebootError } from '#shared/errors.ts';
import { EdgeLocation, type Intercept, type LocationStats, type RequestRecord } from './edge-location.ts';
import { createOrigin } from './origin.ts';
import { startResolver, type Resolver, type RunningResolver } from './resolvers.ts';
import type { TrustedKey } from './signed-url.ts';

export interface LocationOptions {
  /** Three capital letters; `NRT` answers with `X-Amz-Cf-Pop: NRT57-C1`. */
  readonly code: string;
  /** In 127.0.0.0/8, another for each location; its resolver stands at number 53 of the same /24. */
  readonly address: string;
  /** One round trip; see link.ts for how it is applied. Default 0. */
  readonly latencyMs?: number;
  /** Shared by all that the location sends. Default: unbounded. */
  readonly bytesPerSecond?: number;
}

export interface DistributionOptions {
  readonly host: string;
  /** Path-style, for example `http://127.0.0.1:9000/bucket`. */
  readonly originBaseUrl: string;
  /** Asked at every request, so that a key can be added or taken out while the distribution runs. */
  readonly keyGroup: () => readonly TrustedKey[];
  readonly locations: readonly LocationOptions[];
  /** Default 0: a port that is free on every location's address. */
  readonly port?: number;
  readonly onRequest?: (record: RequestRecord) => void;
  readonly intercept?: Intercept;
  /** Unix time in milliseconds, for expiry and ages. Default Date.now. */
  readonly clock?: () => number;
  /** Bound of each location's cache. Default 512 MiB. */
  readonly cacheBytes?: number;
  /** How long a location keeps the origin's errors, a 404 among them. Default 10 s, as CloudFront's. */
  readonly errorCachingSeconds?: number;
}

export interface Distribution {
  readonly port: number;
  /** `http://<host>:<port>`; the same for every location. */
  readonly baseUrl: string;
  readonly locations: readonly { readonly code: string; readonly address: string; readonly pop: string }[];
  readonly resolvers: readonly Resolver[];
  /** By code of the location. */
  stats(): Readonly<Record<string, Readonly<LocationStats>>>;
  /** Empties every cache. */
  purge(): void;
  /** Cuts off what is under way. Calling it again is fine. */
  close(): Promise<void>;
}

const CACHE_BYTES = 512 * 1024 * 1024;
const ERROR_CACHING_SECONDS = 10;
/** A port that one address gave may be taken on another: how often to ask for a different one. */
const PORT_ATTEMPTS = 20;

/** Throws EdgebootError INVALID_CONFIG for a name or address that cannot be; node's EADDRINUSE where the given port is taken. */
export async function startDistribution(options: DistributionOptions): Promise<Distribution> {
  check(options);
  const origin = createOrigin(options.originBaseUrl);
  const locations = options.locations.map(
    (location) =>
      new EdgeLocation({
        host: options.host,
        code: location.code,
        address: location.address,
        latencyMs: location.latencyMs ?? 0,
        bytesPerSecond: location.bytesPerSecond,
        cacheBytes: options.cacheBytes ?? CACHE_BYTES,
        errorCachingSeconds: options.errorCachingSeconds ?? ERROR_CACHING_SECONDS,
        origin,
        keyGroup: options.keyGroup,
        clock: options.clock ?? Date.now,
        intercept: options.intercept,
        onRequest: options.onRequest ?? (() => undefined),
      }),
  );
  const resolvers: RunningResolver[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all([...locations, ...resolvers].map((server) => server.close()));
    await origin.close();
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll());
  try {
    const port = await listenOnOnePort(locations, options.port ?? 0);
    for (const location of locations) resolvers.push(await startResolver(options.host, location));
    return {
      port,
      baseUrl: `http://${options.host}:${port}`,
      locations: locations.map(({ code, address, pop }) => ({ code, address, pop })),
      resolvers: resolvers.map(({ near, server }) => ({ near, server })),
      stats: () => Object.fromEntries(locations.map((location) => [location.code, location.stats()])),
      purge: () => locations.forEach((location) => location.purge()),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One URL must serve every location: all listen on the same port, each at its address. */
async function listenOnOnePort(locations: readonly EdgeLocation[], wantedPort: number): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      let port = wantedPort;
      for (const location of locations) port = await location.listen(port);
      return port;
    } catch (error) {
      await Promise.all(locations.map((location) => location.close()));
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!taken || wantedPort !== 0 || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

function check({ host, locations }: DistributionOptions): void {
  if (!FQDN.safeParse(host).success) throw new EdgebootError('INVALID_CONFIG', `no host name: ${host}`);
  if (locations.length === 0) throw new EdgebootError('INVALID_CONFIG', 'a distribution needs an edge location');
  for (const { code, address } of locations) {
    if (!/^[A-Z]{3}$/.test(code)) throw new EdgebootError('INVALID_CONFIG', `no code of an edge location: ${code}`);
    if (!/^127(?:\.\d{1,3}){3}$/.test(address)) {
      throw new EdgebootError('INVALID_CONFIG', `edge location ${code}: ${address} is not in 127.0.0.0/8`);
    }
  }
  for (const key of ['code', 'address'] as const) {
    const values = locations.map((location) => location[key]);
    if (new Set(values).size < values.length) {
      throw new EdgebootError('INVALID_CONFIG', `two edge locations have the same ${key}`);
    }
  }
}
