/**
 * One address in front of all services, for whoever wants to see what the functions ask of AWS: which service a request is for
 * stands in its signature. Calls are read before they are passed on as they came.
 */
import { request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '#shared/errors.ts';
import { startLoopbackServer, type LoopbackServer } from '../loopback-server.ts';
import type { AwsFault } from './aws-json.ts';
import { type AwsCall, callsOf, signerOf } from './calls.ts';

/** Gets a call before it is served. A fault that it answers is served instead, in the JSON of DynamoDB, SQS and the logs. */
export type CallWatcher = (call: AwsCall) => AwsFault | undefined;

/** @param endpoints of the services, by their name in a signature, for example `dynamodb` */
export function startCallWatch(
  endpoints: Readonly<Record<string, string>>,
  watch: CallWatcher,
): Promise<LoopbackServer> {
  return startLoopbackServer((incoming, outgoing) => {
    passOn(incoming, outgoing, endpoints, watch).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(400, { 'content-type': 'text/plain' });
      outgoing.end(messageOf(error));
    });
  });
}

async function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  endpoints: Readonly<Record<string, string>>,
  watch: CallWatcher,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = incoming;
  const request = { method, url, headers, body: await buffer(incoming) };
  const fault = callsOf(request)
    .map(watch)
    .find((answer) => answer !== undefined);
  if (fault !== undefined) {
    outgoing.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    outgoing.end(JSON.stringify({ __type: fault.code, message: fault.message }));
    return;
  }
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const target = new URL(url, endpoints[signerOf(request).service]);
  const onward = sendRequest(target, { method, headers }).on('response', resolve).on('error', reject);
  // Who hangs up here, as an agent does during a long poll, hangs up there.
  outgoing.on('close', () => onward.destroy());
  onward.end(request.body);
  const answer = await answered;
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, outgoing);
}
