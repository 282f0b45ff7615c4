/** Whose account is it? The first question to AWS, and the first that fails where there is no way to it. */
import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { EdgebootError, messageOf } from '#shared/errors.ts';

export interface Caller {
  readonly account: string;
  readonly caller: string;
}

/** @throws EdgebootError UNAUTHENTICATED: no credentials, or such as AWS does not take; SERVICE_UNAVAILABLE: no way to AWS. */
export async function askWhoWeAre(settings: STSClientConfig, profile: string): Promise<Caller> {
  const sts = new STSClient(settings);
  try {
    const { Account = '', Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
    return { account: Account, caller: Arn };
  } catch (error) {
    throw explain(error, profile);
  } finally {
    sts.destroy();
  }
}

/** What AWS itself has answered has a status; what concerns credentials is thrown before anything is sent. */
function explain(error: unknown, profile: string): EdgebootError {
  const said = messageOf(error);
  if (error instanceof Error && error.name === 'CredentialsProviderError') {
    return new EdgebootError('UNAUTHENTICATED', `the profile ${profile} gives no credentials: ${said}`, {
      remedy: `Configure it (aws configure --profile ${profile}) or log in (aws sso login --profile ${profile}). What would happen: --plan, which needs no account.`,
      cause: error,
    });
  }
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status !== undefined && status < 500) {
    return new EdgebootError(
      'UNAUTHENTICATED',
      `AWS does not take the credentials of the profile ${profile}: ${said}`,
      {
        remedy: 'Look whether they have expired, and whether the clock is right.',
        cause: error,
      },
    );
  }
  return new EdgebootError('SERVICE_UNAVAILABLE', `AWS does not answer: ${said}`, {
    remedy: 'Look whether this machine reaches the internet. What would happen: --plan, which needs no account.',
    cause: error,
  });
}
