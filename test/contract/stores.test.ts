/** The suites of the store ports (stores/), over the in-memory fakes and over DynamoDB (a real engine, on loopback). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { DynamoDbImageStore } from '../../functions/adapters/dynamodb-image-store.ts';
import { DynamoDbOutbox } from '../../functions/adapters/dynamodb-outbox.ts';
import { DynamoDbPublisherStore } from '../../functions/adapters/dynamodb-publisher-store.ts';
import { DynamoDbRateLimiter } from '../../functions/adapters/dynamodb-rate-limiter.ts';
import { DynamoDbSiteStore } from '../../functions/adapters/dynamodb-site-store.ts';
import { DynamoDbWarmingStore } from '../../functions/adapters/dynamodb-warming-store.ts';
import { MemoryDeploymentStore } from '../helpers/memory-stores/deployment-store.ts';
import { MemoryIdempotencyKeys } from '../helpers/memory-stores/idempotency-keys.ts';
import { MemoryImageStore } from '../helpers/memory-stores/image-store.ts';
import { MemoryOutbox } from '../helpers/memory-stores/outbox.ts';
import { MemoryPublisherStore } from '../helpers/memory-stores/publisher-store.ts';
import { MemoryRateLimiter } from '../helpers/memory-stores/rate-limiter.ts';
import { MemorySiteStore } from '../helpers/memory-stores/site-store.ts';
import { MemoryVersionUses } from '../helpers/memory-stores/version-uses.ts';
import { MemoryWarmingStore } from '../helpers/memory-stores/warming-store.ts';
import { startStackTable } from '../helpers/stack-table.ts';
import { rateLimitContract } from './stores/rate-limit.ts';
import { outboxContract } from './stores/outbox.ts';
import { deploymentsContract } from './stores/deployments.ts';
import { warmingsContract } from './stores/warmings.ts';
import { imagesContract } from './stores/images.ts';
import { versionUsesContract } from './stores/version-uses.ts';
import { sitesContract } from './stores/sites.ts';
import { publishersContract } from './stores/publishers.ts';
import { type Stores, NOW, LATER } from './stores/stores.ts';

function storeContract(name: string, open: () => Stores): void {
  rateLimitContract(name, open);
  outboxContract(name, open);
  deploymentsContract(name, open);
  warmingsContract(name, open);
  imagesContract(name, open);
  versionUsesContract(name, open);
  sitesContract(name, open);
  publishersContract(name, open);
}

storeContract('in memory', () => {
  const outbox = new MemoryOutbox();
  const keys = new MemoryIdempotencyKeys();
  const uses = new MemoryVersionUses();
  return {
    outbox,
    deployments: new MemoryDeploymentStore(outbox, keys, uses),
    warmings: new MemoryWarmingStore(outbox, keys, uses),
    images: new MemoryImageStore(outbox, uses),
    sites: new MemorySiteStore(outbox, keys),
    publishers: new MemoryPublisherStore(outbox),
    rateLimiter: new MemoryRateLimiter(),
  };
});

describe('DynamoDB', () => {
  let stores: Stores | undefined;
  const commands: string[] = [];
  const undo = new AsyncDisposableStack();

  before(async () => {
    const { client, table } = undo.use(await startStackTable());
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          commands.push(commandName ?? '');
          return next(args);
        },
      { step: 'initialize' },
    );
    stores = {
      outbox: new DynamoDbOutbox(table),
      deployments: new DynamoDbDeploymentStore(table),
      warmings: new DynamoDbWarmingStore(table),
      images: new DynamoDbImageStore(table),
      sites: new DynamoDbSiteStore(table),
      publishers: new DynamoDbPublisherStore(table),
      rateLimiter: new DynamoDbRateLimiter(table),
    };
  });
  after(() => undo.disposeAsync());

  storeContract('on DynamoDB', () => {
    assert.ok(stores);
    return stores;
  });

  it('a request costs one read and one update for the rate limit; one that is refused costs the read', async () => {
    const { rateLimiter } = stores ?? assert.fail();
    const take = async (now: string) => {
      commands.length = 0;
      await rateLimiter.take('member:thrifty', 'writes', new Date(now));
      return commands.map((name) => name.replace('Command', ''));
    };
    const taken = ['GetItem', 'UpdateItem'];
    assert.deepEqual(await take(LATER), taken);
    assert.deepEqual(await take(LATER), taken);
    assert.deepEqual(await take(NOW), ['GetItem']);
  });
});
