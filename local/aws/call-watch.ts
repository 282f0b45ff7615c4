/**
 * One address in front of all services, where somebody looks at what is asked of AWS: which service a request is for stands in its
 * signature. Calls are read before they are passed on as they came, or refused.
 */
import { request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { create } from 'xmlbuilder2';
import { messageOf } from '#shared/errors.ts';
import { startLoopbackServer, type LoopbackServer } from '../loopback-server.ts';
import type { AwsFault } from './aws-json.ts';
import { type AwsCall, callsOf, signerOf } from './calls.ts';

/** Gets a call before it is served, which waits for it. A fault that it answers is served instead. */
export type CallWatcher = (call: AwsCall) => AwsFault | undefined | Promise<AwsFault | undefined>;

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
  const answers = await Promise.all(callsOf(request).map(async (call) => watch(call)));
  const fault = answers.find((one) => one !== undefined);
  const { service } = signerOf(request);
  if (fault !== undefined) {
    answerFault(fault, service, outgoing);
    return;
  }
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const target = new URL(url, endpoints[service]);
  const onward = sendRequest(target, { method, headers }).on('response', resolve).on('error', reject);
  // Who hangs up here, as an agent does during a long poll, hangs up there.
  outgoing.on('close', () => onward.destroy());
  onward.end(request.body);
  const answer = await answered;
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, outgoing);
}

/** In the service's own protocol: S3's and STS's is XML, where codes do not end in `Exception`. */
function answerFault({ code, message }: AwsFault, service: string, outgoing: ServerResponse): void {
  if (service !== 's3' && service !== 'sts') {
    outgoing.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    outgoing.end(JSON.stringify({ __type: code, message }));
    return;
  }
  const Error = { Code: code.replace(/Exception$/, ''), Message: message };
  outgoing.writeHead(403, { 'content-type': 'application/xml' });
  outgoing.end(create(service === 's3' ? { Error } : { ErrorResponse: { Error } }).end());
}
