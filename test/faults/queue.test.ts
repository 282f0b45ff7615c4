/**
 * What a queue may do, with real agents and the embedded cloud's own queue and API: copies, old wishes, poison, messages for others.
 * No guest boots here: the wishes are to destroy.
 */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { type AuditRecord, auditRecordSchema } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import { DEBIAN_QEMU_USER, probeAcceleration } from '#shared/host/probe-acceleration.ts';
import { ulid } from 'ulid';
import { awsClients, type AwsClients } from '../../local/aws/services.ts';
import { makeSshKey } from '../../local/demo/proof.ts';
import { type Federation, startFederation } from '../../local/federation/federation.ts';
import { findLeftovers } from '../../local/federation/leftovers.ts';
import type { SiteAgent } from '../../local/federation/site-agent.ts';
import { awaitState } from '../helpers/awaited-state.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { makeSmallestDisk } from '../helpers/smallest-disk.ts';

const LIMIT = { timeout: 280_000 };
const COPIES = 200;

if (inNamespaces(import.meta.filename, { timeoutSeconds: 600 })) {
  describe('a site’s queue', LIMIT, () => {
    const undo = new AsyncDisposableStack();
    let federation: Federation;
    let aws: AwsClients;
    let naist: SiteAgent;
    let keyFile: string;

    before(async () => {
      const directory = await mkdtemp('/var/tmp/edgeboot-');
      undo.defer(() => rm(directory, { recursive: true, force: true }));
      await chmod(directory, 0o711);
      const acceleration = await probeAcceleration({ qemuUser: DEBIAN_QEMU_USER });
      const log = (): void => undefined;
      federation = undo.use(await startFederation({ directory, siteIds: ['naist', 'ucsd'], acceleration, log }));
      aws = undo.adopt(awsClients(federation.cloud.endpoints), (clients) => clients.destroy());
      naist = federation.agents.get('naist') ?? assert.fail();
      const disk = path.join(directory, 'disk.raw');
      await makeSmallestDisk(disk);
      await federation.member.ask(['image', 'publish', 'near-base', '--frontend', disk]);
      keyFile = await makeSshKey(path.join(directory, 'ssh'));
      await federation.startAgents();
    }, LIMIT);
    after(() => undo.disposeAsync(), LIMIT);

    const ask = <T = Deployment>(...args: string[]) => federation.member.ask<T>(['deployment', ...args]);
    async function send(siteId: string, body: string): Promise<void> {
      const { QueueUrl } = await aws.sqs.send(new GetQueueUrlCommand({ QueueName: `edgeboot-local-site-${siteId}` }));
      await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    }
    /** Every message is deleted, none is in the dead-letter queue. */
    const awaitEmpty = () =>
      awaitState(async () => (await findLeftovers(federation)).every((line) => !line.startsWith('queue ')));
    const announcing = (deploymentId: string, generation: number) =>
      JSON.stringify({ schemaVersion: 1, deploymentId, generation });
    const quarantined = async (siteId: string): Promise<{ reason: string; body: string }[]> => {
      const folder = path.join(federation.agents.get(siteId)?.stateDirectory ?? '', 'quarantine');
      const files = await readdir(folder);
      const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
      return texts.map((text) => JSON.parse(text) as { reason: string; body: string });
    };
    /** Asked for and destroyed again before the agent hears of either. */
    async function destroyUnheard(): Promise<string> {
      await naist.stop();
      const wish = ['near-base', '--site', 'naist', '--key', `${keyFile}.pub`, '--memory', '128'];
      const { deploymentId } = await ask('create', ...wish);
      await ask('destroy', deploymentId);
      return deploymentId;
    }
    const work = (deploymentId: string) =>
      naist.log.filter((line) => line.msg === 'phase reached' && line['deploymentId'] === deploymentId);

    it('fault 26: a wish that was destroyed before it was heard of is never begun', LIMIT, async () => {
      const deploymentId = await destroyUnheard();
      await naist.start();
      await awaitEmpty();
      assert.equal((await ask('show', deploymentId)).phase, 'TERMINATED');
      assert.deepEqual(
        work(deploymentId).map((line) => line['phase']),
        ['DESTROYING', 'TERMINATED'],
      );
    });

    it(
      `fault 20, fault 21: ${COPIES} copies at once, and again after the outcome, are one piece of work`,
      LIMIT,
      async () => {
        const deploymentId = await destroyUnheard();
        const sendAll = () =>
          Promise.all(Array.from({ length: COPIES }, () => send('naist', announcing(deploymentId, 2))));
        await sendAll();
        await naist.start();
        await awaitEmpty();
        await sendAll();
        await awaitEmpty();
        assert.deepEqual(
          work(deploymentId).map((line) => line['phase']),
          ['DESTROYING', 'TERMINATED'],
        );
      },
    );

    it(
      'fault 25: what comes back from the dead-letter queue after the wish was withdrawn is ignored',
      LIMIT,
      async () => {
        const deploymentId = await destroyUnheard();
        await naist.start();
        await awaitEmpty();
        await send('naist', announcing(deploymentId, 1));
        await awaitEmpty();
        assert.equal((await ask('show', deploymentId)).phase, 'TERMINATED');
        assert.equal(work(deploymentId).length, 2);
      },
    );

    it('fault 24: poison is put aside with the reason, and what is behind it is worked on', LIMIT, async () => {
      const deploymentId = await destroyUnheard();
      const poison = ['{"schemaVersion":', '[]', '{"schemaVersion":2}', 'x'.repeat(200_000), announcing('no id', 1)];
      for (const body of poison) await send('naist', body);
      await send('naist', announcing(deploymentId, 2));
      await naist.start();
      await awaitEmpty();
      assert.equal((await ask('show', deploymentId)).phase, 'TERMINATED');
      const kept = await quarantined('naist');
      assert.deepEqual(new Set(kept.map(({ body }) => body)), new Set(poison));
      assert.ok(kept.every(({ reason }) => /is not JSON|does not follow the schema/.test(reason)));
    });

    it(
      'fault 27: a message for another site, or a made-up one, is refused; the first is on record',
      LIMIT,
      async () => {
        const deploymentId = await destroyUnheard();
        const before = await ask('show', deploymentId);
        const forged = ulid();
        await send('ucsd', announcing(deploymentId, 2));
        await send('ucsd', announcing(forged, 1));
        await awaitState(async () => (await quarantined('ucsd')).length === 2);
        assert.deepEqual(await ask('show', deploymentId), before);
        const { events = [] } = await aws.logs.send(
          new FilterLogEventsCommand({ logGroupName: '/edgeboot/local/audit' }),
        );
        const refused = events
          .map(({ message }): AuditRecord => auditRecordSchema.parse(JSON.parse(message ?? '')))
          .filter(({ decision }) => decision === 'deny');
        assert.deepEqual(
          refused.map((record) => [record.actor, record.action, record.deploymentId]),
          [['agent:ucsd', 'job.read', deploymentId]],
        );
        await naist.start();
        await awaitEmpty();
        assert.deepEqual(await findLeftovers(federation), []);
      },
    );
  });
}
