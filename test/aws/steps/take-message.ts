/** A deployment that no agent fetches, followed through the queue to the member's second thoughts. */
import { DeleteMessageCommand, GetQueueUrlCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { type DeploymentMessage, parseSiteMessage } from '#shared/messages.ts';
import { makeSshKey } from '../../../local/demo/proof.ts';
import { ask } from '../people.ts';
import { poll } from '../poll.ts';
import type { Run } from '../step.ts';
import { IDLE_SITE, IMAGE_NAME } from './names.ts';

const MESSAGE = { everySeconds: 1, forSeconds: 60 };

/** The right to fetch the image, as the mint function gave it, is kept for later steps. */
export async function takeMessage(run: Run): Promise<string> {
  const { sqs } = run.target.clients;
  await ask(run, 'operator', 'site', 'register', IDLE_SITE, '--group', 'members');
  const keyFile = await makeSshKey(`${run.folder}/ssh`);
  const wish = ['deployment', 'create', IMAGE_NAME, '--site', IDLE_SITE, '--key', `${keyFile}.pub`];
  const { deploymentId } = await ask<Deployment>(run, 'member', ...wish);
  run.counts.queueRequests += 1;
  const { QueueUrl } = await sqs.send(
    new GetQueueUrlCommand({ QueueName: `${run.target.names.queues}site-${IDLE_SITE}` }),
  );
  const first = await receive(run, QueueUrl, { deploymentId, generation: 1 });
  if (first.grant === undefined) throw new EdgebootError('INTERNAL', 'the message has no signed URLs');
  run.facts.grant = first.grant;
  await ask(run, 'member', 'deployment', 'destroy', deploymentId);
  await receive(run, QueueUrl, { deploymentId, generation: 2 });
  return `deployment ${deploymentId}: generations 1 and 2 came, the first with URLs until ${first.grant.expiresAt}`;
}

/** Throws INTERNAL where the message does not come, or is another one. */
async function receive(
  run: Run,
  QueueUrl: string | undefined,
  awaited: Pick<DeploymentMessage, 'deploymentId' | 'generation'>,
): Promise<DeploymentMessage> {
  const { sqs } = run.target.clients;
  const received = await poll({ ...MESSAGE, signal: run.signal }, async () => {
    run.counts.queueRequests += 1;
    const asking = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 });
    return (await sqs.send(asking, { abortSignal: run.signal })).Messages?.[0];
  });
  if (received?.Body === undefined) throw new EdgebootError('INTERNAL', 'the message did not come within a minute');
  const message = parseSiteMessage(received.Body);
  const isAwaited =
    'deploymentId' in message &&
    message.deploymentId === awaited.deploymentId &&
    message.generation === awaited.generation;
  if (!isAwaited) throw new EdgebootError('INTERNAL', `another message than generation ${awaited.generation} came`);
  run.counts.queueRequests += 1;
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: received.ReceiptHandle }));
  return message;
}
