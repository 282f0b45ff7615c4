/** `npm run verify:aws` as a process: what it says, and its exit status, where it cannot or must not go on. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCommand } from '#shared/host/run-command.ts';
import { awsEnvironment, startAwsServices } from '../../../local/aws/services.ts';
import { Closers } from '../../../local/closers.ts';
import { freePort } from '../../../local/free-port.ts';
import { type LoopbackServer, startLoopbackServer } from '../../../local/loopback-server.ts';
import { stageNames } from '../../aws/names.ts';
import { packageStack } from '../../helpers/packaged-stack.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const MAIN = path.join(import.meta.dirname, '../../aws/main.ts');
const DENIED =
  '<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message></Error></ErrorResponse>';
const NO_STACK =
  '<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id edgeboot-verify does not exist</Message></Error></ErrorResponse>';

void describe('npm run verify:aws', { timeout: 240_000 }, () => {
  const undo = new AsyncDisposableStack();
  let credentials: string;
  before(async () => {
    credentials = path.join(undo.use(await createTemporaryFolder()).path, 'credentials');
    await writeFile(credentials, '[there]\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n');
  });
  after(() => undo.disposeAsync());

  const verify = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
    runCommand(process.execPath, [MAIN, ...args], {
      environment: {
        ...{ PATH: process.env['PATH'], AWS_CONFIG_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true' },
        ...{ AWS_SHARED_CREDENTIALS_FILE: credentials, AWS_MAX_ATTEMPTS: '1', ...environment },
      },
    });
  const answering = async (status: number, body: string): Promise<LoopbackServer> => {
    const server = await startLoopbackServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
    });
    return undo.adopt(server, (one) => one.close());
  };

  it('shows its plan without an account', async () => {
    const { exitCode, stdout, stderr } = await verify(['--plan', '--stage', 'verify7', '--region', 'ap-northeast-1']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /edgeboot-verify7-images-<account>[^]*remove the stack[^]*--region ap-northeast-1\n$/);
  });

  it('refuses stages that are not of a verification, and wants a profile', async () => {
    for (const args of [
      ['--profile', 'there', '--stage', 'prod'],
      ['--profile', 'there', '--remove', '--stage', 'dev'],
      [],
    ]) {
      const { exitCode, stderr } = await verify(args);
      assert.equal(exitCode, 64, stderr);
    }
  });

  it('says so without credentials, with such as AWS does not take, and without a way to AWS', async () => {
    const absent = await verify(['--profile', 'absent']);
    assert.equal(absent.exitCode, 77, absent.stderr);
    assert.match(absent.stderr, /^verify:aws: UNAUTHENTICATED: the profile absent gives no credentials/);

    const denied = await verify(['--profile', 'there'], { AWS_ENDPOINT_URL_STS: (await answering(403, DENIED)).url });
    assert.equal(denied.exitCode, 77, denied.stderr);
    assert.match(denied.stderr, /does not take the credentials of the profile there/);

    const nobody = `http://127.0.0.1:${await freePort()}`;
    const cut = await verify(['--profile', 'there'], { AWS_ENDPOINT_URL_STS: nobody });
    assert.equal(cut.exitCode, 75, cut.stderr);
    assert.match(cut.stderr, /^verify:aws: SERVICE_UNAVAILABLE: AWS does not answer/);
  });

  it('looks at the account, and goes no further where nobody can say yes; what is not there is removed already', async () => {
    const closers = undo.adopt(new Closers(), (all) => all.close());
    const { endpoints } = await startAwsServices(() => undefined, closers);
    const inUse = Object.entries(awsEnvironment(endpoints)).filter(([name]) => name.startsWith('AWS_ENDPOINT_URL'));
    const services = Object.fromEntries(inUse);
    const environment = { ...services, AWS_ENDPOINT_URL_CLOUDFORMATION: (await answering(400, NO_STACK)).url };
    const asked = await verify(['--profile', 'there'], environment);
    assert.equal(asked.exitCode, 64, asked.stderr);
    assert.match(
      asked.stderr,
      /account 000000000000, region us-east-1, as arn:aws:iam::000000000000:user\/local: nothing/,
    );
    assert.match(asked.stderr, /nobody can be asked here/);
    assert.doesNotMatch(asked.stderr, /deploy the stack …|estimated cost/);

    const unasked = await verify(['--profile', 'there', '--remove'], environment);
    assert.equal(unasked.exitCode, 64, unasked.stderr);
    const removed = await verify(['--profile', 'there', '--remove', '--yes'], environment);
    assert.deepEqual(
      [removed.exitCode, removed.stdout],
      [0, 'verify:aws: REMOVED account=000000000000 region=us-east-1 stage=verify\n'],
      removed.stderr,
    );
  });

  it('knows what the stack calls its things', async () => {
    const stack = await packageStack('verify');
    const names = stageNames('verify', '000000000000');
    assert.equal(stack.properties('Table')['TableName'], names.table);
    assert.equal(stack.properties('ImageBucket')['BucketName'], names.bucket);
    assert.equal(stack.properties('AuditLogGroup')['LogGroupName'], names.auditLogGroup);
    assert.equal(stack.properties('SigningKey')['Name'], names.signingKeySecret);
    assert.equal(stack.properties('EnrollmentKey')['Name'], names.enrollmentKeySecret);
    const groups = stack.allOf('AWS::Logs::LogGroup').map(({ LogGroupName }) => String(LogGroupName));
    for (const group of groups) assert.ok(group === names.auditLogGroup || group.startsWith(names.functionLogs), group);
    assert.ok(String(stack.properties('DeadLetterQueue')['QueueName']).startsWith(names.queues));
    const kept = Object.entries(stack.resources).filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain');
    assert.deepEqual(kept.map(([id]) => id).sort(), ['AuditLogGroup', 'ImageBucket', 'Table']);
    assert.ok(stack.resources['ServerlessDeploymentBucket']);
  });
});
