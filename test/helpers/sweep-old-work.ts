/** Leaves in the table what the sweep is there for, and has it sweep. */
import type { Deployment } from '#shared/deployment.ts';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { DynamoDbWarmingStore } from '../../functions/adapters/dynamodb-warming-store.ts';
import { auditEntry } from '../../functions/outbox/entries.ts';
import { awsClients } from '../../local/aws/services.ts';
import type { Cloud } from '../../local/cloud.ts';
import { sampleDeployment, sampleEvent, sampleWarming } from './model-samples.ts';
import { sweepNow } from './sweep-now.ts';

/**
 * A record that was never shipped; a deployment and a warming at the site `naist` that nothing happens to; one deployment whose end has
 * come before it ran, one whose end has come while it runs, and one whose end is to be warned of.
 */
export async function sweepOldWork(cloud: Cloud): Promise<unknown> {
  const clients = awsClients(cloud.endpoints);
  try {
    const table = new Table(cloud.names.table, clients.dynamoDb);
    const deployment = sampleDeployment();
    const record = { actor: 'member:alice', action: 'deployment.request', decision: 'allow' } as const;
    const undelivered = auditEntry(deployment.createdAt, record);
    const deployments = new DynamoDbDeploymentStore(table);
    await deployments.create(deployment, sampleEvent(deployment), [undelivered], undefined);
    const { createdAt } = deployment;
    const running: Pick<Deployment, 'phase' | 'nodes'> = { phase: 'RUNNING', nodes: [] };
    const ends = [
      { endsAt: createdAt },
      { endsAt: createdAt, ...running },
      { endsAt: '2099-01-01T00:00:00.000Z', endWarningAt: createdAt },
    ];
    for (const end of ends) {
      const ending = sampleDeployment({ ...end, updatedAt: new Date().toISOString() });
      await deployments.create(ending, sampleEvent(ending), [], undefined);
    }
    await new DynamoDbWarmingStore(table).create(sampleWarming(), [], undefined);
    return await sweepNow(cloud);
  } finally {
    clients.destroy();
  }
}
