/** The real command as a process, logged in at an API that a test plays. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type ErrorCode, ERROR_KINDS } from '#shared/errors.ts';
import { startLoopbackServer } from '../../../local/loopback-server.ts';
import { EDGEBOOT, type ProgramResult } from '../../../local/federation/program.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { writeSession } from '../../helpers/write-session.ts';

export interface ReceivedRequest {
  /** `GET /v1/deployments?next=…` */
  readonly operation: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers a request; one that does nothing leaves the command waiting. */
export type Answer = (response: ServerResponse) => void;

export const json =
  (status: number, body: unknown): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

export const problem = (code: ErrorCode, detail: string, remedy: string = ERROR_KINDS[code].remedy): Answer => {
  const status = ERROR_KINDS[code].httpStatus;
  return json(status, { type: `urn:edgeboot:error:${code}`, title: code, status, detail, code, remedy });
};

export interface PlayedApi extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** For `edgeboot`: a member's own files, with a session. */
  readonly environment: Readonly<Record<string, string>>;
}

/** @param play answers each request, counted from 0 */
export async function playApi(play: (request: ReceivedRequest, count: number) => Answer): Promise<PlayedApi> {
  await using undo = new AsyncDisposableStack();
  const requests: ReceivedRequest[] = [];
  const server = await startLoopbackServer((incoming, response) => {
    void text(incoming).then((body) => {
      const { method = '', url = '', headers } = incoming;
      const request = { operation: `${method} ${url}`, headers, body };
      requests.push(request);
      play(request, requests.length - 1)(response);
    });
  });
  undo.defer(() => server.close());
  const folder = undo.use(await createTemporaryFolder());
  const session = {
    apiUrl: server.url,
    issuer: 'https://issuer.example.org',
    audience: 'x',
    accessToken: 'token',
  };
  const directory = path.join(folder.path, 'config');
  await mkdir(directory);
  await writeSession(directory, session);
  const held = undo.move();
  return {
    url: server.url,
    requests,
    environment: { EDGEBOOT_CONFIG_DIRECTORY: directory },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Resolves when the command has ended. In `directory`, which must be given where it may not litter. */
export function edgeboot(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  directory?: string,
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...environment }, cwd: directory, timeout: 60_000 };
    execFile(EDGEBOOT, args, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** A line of a stack trace. */
export const STACK_LINE = /^\s+at .*:\d+/m;
