/** One-hour credentials for a site: the session role, narrowed by a session policy to the site's own queue. */
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { SiteCredentials } from '../ports.ts';

const SESSION_SECONDS = 3600;

/** What an agent may do: work on its own queue. */
export function sessionPolicy(queueArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
        Resource: queueArn,
      },
    ],
  });
}

export class StsSiteCredentials implements SiteCredentials {
  readonly #client = new STSClient({});
  readonly #roleName: string;

  /** @param roleName the session role, in the account of the queues. */
  constructor(roleName: string) {
    this.#roleName = roleName;
  }

  async open(siteId: string, queueArn: string) {
    const [, partition, , , account] = queueArn.split(':');
    const answer = await this.#client.send(
      new AssumeRoleCommand({
        RoleArn: `arn:${partition ?? 'aws'}:iam::${account ?? ''}:role/${this.#roleName}`,
        RoleSessionName: `site-${siteId}`,
        DurationSeconds: SESSION_SECONDS,
        Policy: sessionPolicy(queueArn),
      }),
    );
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
      throw new Error('STS answered no credentials');
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration: Expiration.toISOString(),
    };
  }
}
