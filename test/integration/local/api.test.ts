import assert from 'node:assert/strict';
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { stringify } from 'yaml';
import { startApi } from '../../../local/api.ts';
import { readService } from '../../../local/service-definition.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { clientOptions } from './client-options.ts';

/** A service as small as can be, bundled as the real one is. */
const definition = {
  service: 'small',
  configValidationMode: 'error',
  plugins: ['serverless-esbuild', 'serverless-offline'],
  package: { individually: true },
  custom: {
    esbuild: {
      ...{ bundle: true, format: 'esm', platform: 'node', target: 'node24', outputFileExtension: '.mjs' },
      ...{ mainFields: ['module', 'main'], exclude: [], banner: { js: '' } },
    },
    'serverless-offline': { host: '127.0.0.1', noPrependStageInUrl: true, noSponsor: true },
  },
  provider: {
    ...{ name: 'aws', runtime: 'nodejs24.x', region: 'us-east-1', stage: '${opt:stage}' },
    environment: { FROM_ENVIRONMENT: '${env:FROM_ENVIRONMENT}' },
    httpApi: {
      authorizers: {
        caller: {
          ...{ type: 'request', functionName: 'authorize', payloadVersion: '2.0', enableSimpleResponses: true },
          ...{ resultTtlInSeconds: 0, identitySource: ['$request.header.Authorization'] },
        },
      },
    },
  },
  functions: {
    authorize: { handler: 'authorize.handler' },
    greet: {
      handler: 'greet.handler',
      events: [{ httpApi: { method: 'GET', path: '/greet/{name}', authorizer: { name: 'caller' } } }],
    },
    fail: { handler: 'fail.handler' },
  },
  resources: { Resources: {} },
};
const sources = {
  'authorize.ts': `export const handler = async (event: { identitySource: string[] }) =>
    ({ isAuthorized: event.identitySource[0] === 'Bearer good', context: { memberId: 'alice' } });`,
  'greet.ts': `interface Event { pathParameters: { name: string }; requestContext: { authorizer: { lambda: { memberId: string } } } }
    export const handler = async (event: Event) => ({ statusCode: 200, body: JSON.stringify({
      greeting: 'hello ' + event.pathParameters.name, memberId: event.requestContext.authorizer.lambda.memberId,
      sqs: process.env['AWS_ENDPOINT_URL_SQS'], setting: process.env['FROM_ENVIRONMENT'], other: process.env['HOME'] }) });`,
  'fail.ts': `export const handler = async () => { throw new Error('on purpose'); };`,
};

async function writeService(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const all = { 'serverless.yml': stringify(definition), 'package.json': '{"type":"module"}', ...files };
  for (const [name, content] of Object.entries(all)) await writeFile(join(folder, name), content);
}

void suite('the API of a serverless.yml', { timeout: 90_000 }, () => {
  void test('serves its routes, authorizer and functions, with the environment it is given', async (t) => {
    await using temporary = await createTemporaryFolder();
    const folder = temporary.path;
    await writeService(folder, sources);
    const environment = { AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:9', FROM_ENVIRONMENT: 'set' };
    const api = await startApi({ service: await readService(environment, folder), log: () => undefined });
    t.after(() => api.close());

    const greet = (authorization?: string) =>
      fetch(`${api.apiUrl}/greet/bob`, authorization === undefined ? {} : { headers: { authorization } });
    assert.equal((await greet()).status, 401);
    assert.equal((await greet('Bearer bad')).status, 403);
    assert.deepEqual(await (await greet('Bearer good')).json(), {
      greeting: 'hello bob',
      memberId: 'alice',
      sqs: 'http://127.0.0.1:9',
      setting: 'set',
    });

    const lambda = new LambdaClient(clientOptions(api.lambdaEndpoint));
    t.after(() => lambda.destroy());
    const failed = await lambda.send(new InvokeCommand({ FunctionName: 'small-local-fail' }));
    assert.equal(failed.FunctionError, 'Unhandled');
    // One that nobody waits for does not take the server down.
    await lambda.send(new InvokeCommand({ FunctionName: 'small-local-fail', InvocationType: 'Event' }));
    assert.equal((await greet('Bearer good')).status, 200);
    await api.close();
    assert.deepEqual(await readdir(join(folder, '.esbuild')), []);
    await assert.rejects(greet());
  });

  void test('a service that cannot be read or bundled is told so, and nothing is left', async () => {
    const invalid = (message: RegExp) => ({ name: 'EdgebootError', code: 'INVALID_CONFIG', message });
    await using temporary = await createTemporaryFolder();
    const folder = temporary.path;
    await writeService(folder, { ...sources, 'fail.ts': `import './missing.ts';` });
    await assert.rejects(readService({}, folder), invalid(/FROM_ENVIRONMENT/));
    const service = await readService({ FROM_ENVIRONMENT: 'set' }, folder);
    await assert.rejects(startApi({ service, log: () => undefined }), invalid(/missing\.ts/));
    assert.deepEqual(await readdir(join(folder, '.esbuild')), []);
  });
});
