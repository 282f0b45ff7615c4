/** How the Serverless Framework (osls, under the name serverless) is called here: by this very node, without any network. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

/** The stage of the embedded cloud: `${sls:stage}` in serverless.yml. */
export const LOCAL_STAGE = 'local';

/** Where serverless.yml lies. */
export const SERVICE_DIRECTORY = resolve(import.meta.dirname, '..');

/** Arguments for this process's own node (`process.execPath`). */
export function serverlessArguments(args: readonly string[], stage = LOCAL_STAGE): string[] {
  const entry = createRequire(import.meta.url).resolve('serverless/bin/serverless.js');
  // An invocation of type Event that throws is an unhandled rejection in serverless-offline, and would end it.
  return ['--unhandled-rejections=warn', entry, ...args, '--stage', stage];
}

/**
 * The whole environment of a call. Nothing of the caller's is passed on but the path, so that no profile, region or credential of
 * a real account gets in; serverless-offline hands every AWS_* on to the functions.
 */
export function serverlessEnvironment(additions: Readonly<Record<string, string>>): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    NO_COLOR: '1',
    // Its cache of configuration schemas goes here instead of the user's home.
    HOME: join(SERVICE_DIRECTORY, 'build', 'serverless-home'),
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...additions,
  };
}
