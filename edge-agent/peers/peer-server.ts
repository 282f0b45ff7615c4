/**
 * Gives raw frames of this host's cache to agents of the same site. Whoever asks must have the site's key; whoever gets something
 * verifies it. Connections, the size of an answer and the time that it may take are bounded: nobody can keep this host busy.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { open } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EdgebootError } from '#shared/errors.ts';
import { networkCode } from '../repositories/http-get.ts';
import type { BaseFolder } from '../cache/base-folder.ts';
import { type HeldDisk, openHeldDisk } from './held-disk.ts';
import { encodeStates, type FrameState, type FramesQuestion, parsePeerPath } from './peer-messages.ts';
import { isFromPeer } from './peer-signature.ts';

const MOST_CONNECTIONS = 32;
/** For the headers of a request; it has no body. */
const REQUEST_SECONDS = 5;
const ANSWER_SECONDS = 30;

export interface PeerServerOptions {
  readonly host: string;
  readonly port: number;
  readonly key: Buffer;
  /** Of a disk, by the SHA-256 of its frame index. */
  readonly folderOf: (disk: string) => BaseFolder;
  /** Whether this process fetches the frame at this moment. */
  readonly isComing: (disk: string, frame: number) => boolean;
  readonly now?: () => Date;
}

export interface PeerServer extends AsyncDisposable {
  readonly port: number;
}

/** Throws INVALID_CONFIG where it cannot listen there. */
export async function startPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const { host, port } = options;
  const limits = { requestTimeout: REQUEST_SECONDS * 1000, headersTimeout: REQUEST_SECONDS * 1000 };
  const server = createServer(
    { ...limits, connectionsCheckingInterval: 1000, keepAliveTimeout: 30_000, maxHeaderSize: 4096 },
    (request, response) => void answer(request, response, options),
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw new EdgebootError('INVALID_CONFIG', `peers.listen: ${host}:${port} is not to be had (${networkCode(error)})`);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Never rejects: what goes wrong ends this answer, and is told by nothing but its status. */
async function answer(request: IncomingMessage, response: ServerResponse, options: PeerServerOptions): Promise<void> {
  const { method = '', url: path = '', headers } = request;
  const { key, now = () => new Date() } = options;
  try {
    if (!isFromPeer(key, { method, path }, headers.authorization, now())) {
      refuse(response, 401);
      return;
    }
    const question = method === 'GET' ? parsePeerPath(path) : undefined;
    if (question === undefined) {
      refuse(response, 400);
      return;
    }
    const { disk, frames } = question;
    if (frames === undefined) await sendIndex(response, options.folderOf(disk));
    else await sendFrames(response, { disk, ...frames }, options);
  } catch {
    if (!response.headersSent) refuse(response, 503);
    else response.destroy();
  }
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0, ...(status === 401 && { connection: 'close' }) }).end();
}

async function sendIndex(response: ServerResponse, { frameIndex }: BaseFolder): Promise<void> {
  const handle = await open(frameIndex, 'r').catch(() => undefined);
  if (handle === undefined) {
    refuse(response, 404);
    return;
  }
  await using file = handle;
  const { size } = await file.stat();
  response.writeHead(200, { 'content-length': size });
  await pipeline(file.createReadStream({ autoClose: false }), response, limited());
}

async function sendFrames(
  response: ServerResponse,
  { disk, firstFrame, endFrame }: FramesQuestion,
  { folderOf, isComing }: PeerServerOptions,
): Promise<void> {
  const opened = await openHeldDisk(folderOf(disk), disk);
  if (opened === undefined) {
    refuse(response, 404);
    return;
  }
  await using held = opened;
  if (endFrame > held.frameCount) {
    refuse(response, 400);
    return;
  }
  const asked = Array.from({ length: endFrame - firstFrame }, (_, i) => firstFrame + i);
  const states = asked.map((frame): FrameState => {
    if (held.has(frame)) return 'here';
    return isComing(disk, frame) ? 'coming' : 'absent';
  });
  const here = asked.filter((_, i) => states[i] === 'here');
  const lengthBytes = here.reduce((sum, frame) => sum + held.rawSizeOf(frame), states.length);
  response.writeHead(200, { 'content-length': lengthBytes });
  await pipeline(Readable.from(framesAnswer(states, here, held)), response, limited());
}

/** A frame is read when the ones before it are on their way. */
async function* framesAnswer(
  states: readonly FrameState[],
  here: readonly number[],
  held: HeldDisk,
): AsyncGenerator<Buffer, void> {
  yield encodeStates(states);
  for (const frame of here) yield held.read(frame);
}

const limited = (): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ANSWER_SECONDS * 1000) });
