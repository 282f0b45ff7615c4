/** SIGTERM while a real agent warms, in the embedded cloud: the message is given back at once, and another run ends what this one began. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { DEBIAN_QEMU_USER, probeAcceleration } from '#shared/host/probe-acceleration.ts';
import type { Warming } from '#shared/warming.ts';
import { awsClients } from '../../local/aws/services.ts';
import type { Intercept } from '../../local/distribution/edge-location.ts';
import { startFederation } from '../../local/federation/federation.ts';
import { makeCompliantDisk } from '../helpers/compliant-disk.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';

const MIB = 1024 * 1024;

if (inNamespaces(import.meta.filename, { timeoutSeconds: 300 })) {
  test('an agent that is stopped while it warms gives the message back, although the edge does not answer', async (t) => {
    const directory = await mkdtemp('/var/tmp/edgeboot-');
    t.after(() => rm(directory, { recursive: true, force: true }));
    await chmod(directory, 0o711);
    const disk = path.join(directory, 'disk.raw');
    await makeCompliantDisk(
      disk,
      64 * MIB,
      [9, 20, 33, 50].map((mebibyte) => mebibyte * MIB + 7),
    );

    const [asked, mayAnswer] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const intercept: Intercept = async (request, answer) => {
      if (request.path.includes('/parts/')) {
        asked.resolve(undefined);
        await mayAnswer.promise;
      }
      return answer;
    };
    const acceleration = await probeAcceleration({ qemuUser: DEBIAN_QEMU_USER });
    const log = (): void => undefined;
    const options = { directory, siteIds: ['naist'], acceleration, log, distribution: { intercept } };
    await using federation = await startFederation(options);
    const { member, cloud } = federation;
    const agent = federation.agents.get('naist');
    assert.ok(agent);
    using held = new DisposableStack();
    held.defer(() => mayAnswer.resolve(undefined));
    const { sqs } = held.adopt(awsClients(cloud.endpoints), (clients) => clients.destroy());
    await member.ask(['image', 'publish', 'near-base', '--frontend', disk]);
    await federation.startAgents();
    const { warmingId } = await member.ask<Warming>(['image', 'warm', 'near-base', '--site', 'naist']);
    await asked.promise;

    await agent.stop('SIGTERM');
    assert.equal(agent.log.at(-1)?.msg, 'agent stopped');
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'edgeboot-local-site-naist' }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    assert.deepEqual(
      [Attributes?.['ApproximateNumberOfMessages'], Attributes?.['ApproximateNumberOfMessagesNotVisible']],
      ['1', '0'],
      'there for whoever asks next, not only when its lease is over',
    );
    const show = (...more: string[]) => member.ask<{ phase: string }>(['image', 'warming', warmingId, ...more]);
    assert.equal((await show()).phase, 'FETCHING');

    mayAnswer.resolve(undefined);
    await agent.start();
    assert.equal((await show('--wait')).phase, 'DONE');
  });
}
