/** `serverless package` and `serverless deploy`, as docs/deploy-aws.md has an operator run them. No test has run the second. */
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { SERVICE_DIRECTORY, serverlessArguments } from '../../local/serverless-command.ts';
import type { AwsTargetOptions } from './aws-target.ts';
import type { StackSettings } from './target.ts';

/** On an error in a bundle it never ends by itself. */
const PACKAGE_SECONDS = 300;
/** The budget is of the whole account, and goes with the stage. */
const MONTHLY_BUDGET_USD = '25';

/** Lambda takes 4 KiB of environment; this much is for the others. */
const MAX_JWKS_URL_CHARACTERS = 2_800;

/** What serverless.yml reads of the environment. Pure. Throws INVALID_CONFIG where a Lambda would not take it. */
export function stackEnvironment(settings: StackSettings & { readonly jwksUrl: string }): Record<string, string> {
  if (settings.jwksUrl.length > MAX_JWKS_URL_CHARACTERS) {
    throw new EdgebootError('INVALID_CONFIG', "the session token of the profile's credentials is too long", {
      remedy:
        'Use a profile with an access key of its own: the URL of the token keys goes into the functions’ environment, which has 4 KiB.',
    });
  }
  return {
    OIDC_ISSUER: settings.issuer,
    OIDC_JWKS_URL: settings.jwksUrl,
    OIDC_AUDIENCE: settings.audience,
    OIDC_GROUPS_CLAIM: 'groups',
    ROOT_PUBLIC_KEY_BASE64: Buffer.from(settings.rootPublicKeyPem).toString('base64'),
    SIGNING_PUBLIC_KEY_A: settings.signingPublicKeyPem,
    SIGNING_PUBLIC_KEY_B: '',
    ALARM_EMAIL: '',
    MONTHLY_BUDGET_USD,
  };
}

export async function deployStack(
  settings: StackSettings & { readonly jwksUrl: string },
  { profile, stage, region, folder, say }: AwsTargetOptions,
  signal: AbortSignal,
): Promise<void> {
  const environment = {
    ...withoutCredentials(process.env),
    ...stackEnvironment(settings),
    ...{ AWS_PROFILE: profile, AWS_REGION: region, NO_COLOR: '1' },
  };
  const packages = ['--package', path.join(folder, 'package')];
  const call = (what: string, timeoutSeconds?: number) =>
    runCommandOrThrow(process.execPath, serverlessArguments([what, ...packages, '--region', region], stage), {
      ...{ environment, signal, workingDirectory: SERVICE_DIRECTORY },
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
      onOutput: (text) => text.split('\n').filter(Boolean).forEach(say),
    });
  await call('package', PACKAGE_SECONDS);
  await call('deploy');
}

/** The profile counts, and nothing that lies in the environment beside it. */
function withoutCredentials(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_PROFILE'];
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !others.includes(name)));
}
