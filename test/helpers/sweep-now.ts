/** The sweep of an embedded cloud, at once: its clock would invoke it within a minute. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { LOCAL_REGION } from '../../local/aws/account.ts';
import type { Cloud } from '../../local/cloud.ts';

/** What it did, as it says. */
export async function sweepNow({ lambdaEndpoint }: Cloud): Promise<unknown> {
  const lambda = new LambdaClient({
    ...{ endpoint: lambdaEndpoint, region: LOCAL_REGION },
    credentials: { accessKeyId: 'scheduler', secretAccessKey: 'local' },
  });
  try {
    const answer = await lambda.send(new InvokeCommand({ FunctionName: 'edgeboot-local-sweep' }));
    return JSON.parse(Buffer.from(answer.Payload ?? []).toString());
  } finally {
    lambda.destroy();
  }
}
