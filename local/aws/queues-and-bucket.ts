/**
 * SQS and S3 by fauxqs, in this process and in memory. Three things that it leaves out matter here and are added around it:
 * queue URLs that resolve, long polls that end when the poller hangs up, and uploads checked against their SHA-256.
 */
import { createHash } from 'node:crypto';
import { buildApp, type BuildAppOptions } from 'fauxqs';
import { create } from 'xmlbuilder2';
import * as z from 'zod';

type Stores = NonNullable<BuildAppOptions['stores']>;

export interface QueuesAndBucket {
  readonly sqsEndpoint: string;
  readonly s3Endpoint: string;
  close(): Promise<void>;
}

const longPoll = z.object({ QueueUrl: z.string(), WaitTimeSeconds: z.number().optional() });

/** Serves both on one free loopback port; nothing exists there yet. Objects of more than 11 MiB are refused. */
export async function startQueuesAndBucket(): Promise<QueuesAndBucket> {
  const stores = await createStores();
  // Without a name of its own it builds queue URLs from the address that the client used.
  stores.sqsStore.host = '';
  const app = buildApp({ logger: false, stores });

  // Else the poll of a client that is gone takes the next message, which nobody sees until its visibility timeout ends.
  app.addHook('preHandler', (request, reply, done) => {
    const poll = longPoll.safeParse(request.body);
    reply.raw.once('close', () => {
      if (poll.success && !reply.raw.writableFinished) stores.sqsStore.getQueue(poll.data.QueueUrl)?.cancelWaiters();
    });
    done();
  });
  app.addHook('preHandler', (request, reply, done) => {
    const claimed = request.headers['x-amz-checksum-sha256'];
    const { body } = request;
    // A body that the SDK streams is framed (aws-chunked): what its bytes are is known only once fauxqs has unframed it.
    const plain = Buffer.isBuffer(body) && request.headers['content-encoding']?.includes('aws-chunked') !== true;
    if (claimed === undefined || !plain || createHash('sha256').update(body).digest('base64') === claimed) {
      done();
      return;
    }
    const message = 'The SHA256 you specified did not match the calculated checksum.';
    void reply.code(400).type('application/xml');
    void reply.send(create({ Error: { Code: 'BadDigest', Message: message } }).end());
  });

  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
  return { sqsEndpoint: endpoint, s3Endpoint: endpoint, close: () => app.close() };
}

/** fauxqs keeps the classes of its stores to itself, yet only a store made here lets us set the host. */
async function createStores(): Promise<Stores> {
  const entry = import.meta.resolve('fauxqs');
  const load = async <Name extends string>(path: string): Promise<Record<Name, new () => unknown>> =>
    (await import(new URL(path, entry).href)) as Record<Name, new () => unknown>;
  const [sqs, sns, s3] = await Promise.all([
    load<'SqsStore'>('sqs/sqsStore.js'),
    load<'SnsStore'>('sns/snsStore.js'),
    load<'S3Store'>('s3/s3Store.js'),
  ]);
  return { sqsStore: new sqs.SqsStore(), snsStore: new sns.SnsStore(), s3Store: new s3.S3Store() } as Stores;
}
