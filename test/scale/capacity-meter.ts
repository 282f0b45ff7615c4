/**
 * Asks the database what each request consumes, as it would be billed: a proxy that adds `ReturnConsumedCapacity` to the requests and
 * reads the answers. dynoxide, which answers it, doubles the table's part in a transaction and leaves the indexes' part as it is, as
 * DynamoDB does; capacity-meter.test.ts holds it to the rules that AWS names.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { request as sendRequest } from 'undici';
import * as z from 'zod';
import { signerOf } from '../../local/aws/calls.ts';
import { type LoopbackServer, startLoopbackServer } from '../../local/loopback-server.ts';

/** Request units: a read one is 4 KB read strongly consistent, a written one is 1 KB, both rounded up. */
export interface Consumed {
  readonly caller: string;
  readonly readUnits: number;
  readonly tableWriteUnits: number;
  readonly indexWriteUnits: number;
}

const READS = /^(?:GetItem|Query|Scan)$/;
const WRITES = /^(?:PutItem|UpdateItem|DeleteItem|TransactWriteItems)$/;

const units = z.object({ CapacityUnits: z.number() });
const capacity = units.extend({ Table: units, GlobalSecondaryIndexes: z.record(z.string(), units).default({}) });
/** One, or one for each table of a transaction. A request that is refused has none: DynamoDB does not say what it consumed. */
const answered = z.object({
  ConsumedCapacity: z.union([capacity.transform((only) => [only]), z.array(capacity)]).default([]),
});

/** @param endpoint of the database @param observe is told of each request that consumed something, before its answer is passed on */
export function startCapacityMeter(endpoint: string, observe: (consumed: Consumed) => void): Promise<LoopbackServer> {
  return startLoopbackServer((incoming, outgoing) => {
    passOn(incoming, outgoing, endpoint, observe).catch((error: unknown) => {
      outgoing.destroy(error instanceof Error ? error : undefined);
    });
  });
}

async function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  endpoint: string,
  observe: (consumed: Consumed) => void,
): Promise<void> {
  const { url = '/', headers } = incoming;
  const given = await buffer(incoming);
  const operation = String(headers['x-amz-target']).split('.')[1] ?? '';
  const isMetered = READS.test(operation) || WRITES.test(operation);
  const body = isMetered ? asking(given) : given;
  const answer = await sendRequest(new URL(url, endpoint), { method: 'POST', headers: endToEnd(headers), body });
  const text = await answer.body.text();
  if (isMetered) {
    const { caller } = signerOf({ method: 'POST', url, headers, body: given });
    for (const one of answered.parse(JSON.parse(text)).ConsumedCapacity) {
      observe({ caller, ...split(one, READS.test(operation)) });
    }
  }
  outgoing.writeHead(answer.statusCode, { 'content-type': 'application/x-amz-json-1.0' });
  outgoing.end(text);
}

const asking = (body: Buffer): string =>
  JSON.stringify({ ...z.looseObject({}).parse(JSON.parse(body.toString())), ReturnConsumedCapacity: 'INDEXES' });

/** The length is another one, and connections are the proxy's own. */
function endToEnd(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => /^(?:authorization|content-type|x-amz-.*)$/.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function split(consumed: z.infer<typeof capacity>, isRead: boolean): Omit<Consumed, 'caller'> {
  if (isRead) return { readUnits: consumed.CapacityUnits, tableWriteUnits: 0, indexWriteUnits: 0 };
  const inIndexes = Object.values(consumed.GlobalSecondaryIndexes);
  return {
    readUnits: 0,
    tableWriteUnits: consumed.Table.CapacityUnits,
    indexWriteUnits: inIndexes.reduce((sum, { CapacityUnits }) => sum + CapacityUnits, 0),
  };
}
