/** Puts a long road before a server: a TCP proxy that passes every byte on when it would have arrived. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Clock, realClock } from './clock.ts';
import { Flow, type Road } from './flow.ts';
import { Link, type LinkParameters } from './link.ts';

export interface RoadServerOptions {
  /** Of each connection. */
  readonly road: Road;
  /** On the way to the viewers, shared by all connections. */
  readonly link: LinkParameters;
  /** Port on 127.0.0.1 of the server at the other end. */
  readonly targetPort: number;
  readonly random: () => number;
}

/** What one step sends at most: losses and turns of the link are told apart no finer. */
const MAX_PIECE_BYTES = 64 * 1024;
/** Requests are short. */
const WIDE_LINK: LinkParameters = { bytesPerSecond: Infinity, queueBytes: Infinity };

export interface RoadServer {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Cuts what is under way. */
  close(): Promise<void>;
}

export async function startRoadServer(options: RoadServerOptions): Promise<RoadServer> {
  const { road, random, targetPort } = options;
  const toViewers = new Link(options.link);
  const viewers = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (viewer) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    viewers.add(viewer.once('close', () => viewers.delete(viewer)));
    endTogether(viewer, target);
    // The handshake has passed on loopback; on the road it takes a round trip.
    realClock.at(realClock.now() + road.roundTripMs, () =>
      pass(viewer, target, { road: { ...road, lossRate: 0 }, link: new Link(WIDE_LINK), random, clock: realClock }),
    );
    pass(target, viewer, { road, link: toViewers, random, clock: realClock });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const viewer of viewers) viewer.destroy();
      await closed;
    },
  };
}

interface Passage {
  readonly road: Road;
  readonly link: Link;
  readonly random: () => number;
  readonly clock: Clock;
}

/** Everything that `from` says, to `to`; its end, too. */
function pass(from: Socket, to: Socket, passage: Passage): void {
  const pump = (): void => {
    for (;;) {
      const sizeBytes = Math.min(flow.roomBytes(), from.readableLength, MAX_PIECE_BYTES);
      // Reading nothing from what has been read to its end makes it say so.
      const bytes = from.read(sizeBytes) as Buffer | null;
      if (bytes === null) return;
      flow.send(bytes.length, (taken) => to.write(bytes, taken));
    }
  };
  const flow = new Flow({ ...passage, onRoom: pump });
  from.on('readable', pump);
  from.once('end', () => flow.send(0, () => to.end()));
  pump();
}

/** A target that has closed well may have left something on the road; a viewer that has closed awaits nothing any more. */
function endTogether(viewer: Socket, target: Socket): void {
  target.on('error', () => viewer.resetAndDestroy());
  viewer.on('error', () => undefined).once('close', () => target.destroy());
}
