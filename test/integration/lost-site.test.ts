/** A site's row is lost, and then its agent's, too, on the embedded cloud: what brings the site back (docs/operations.md, Recovery). */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { ApiClient } from '#shared/api-client.ts';
import { enrollResponse } from '#shared/api/agents.ts';
import { registerSiteResponse, showSiteResponse, siteListResponse } from '#shared/api/sites.ts';
import { newKeyPair } from '#shared/keys.ts';
import { createFederationApi } from '../../edge-agent/adapters/http-federation-api.ts';
import { type AwsClients, awsClients } from '../../local/aws/services.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';

const OLGA = { id: 'olga', groups: ['federation-operators', 'members'] };
const SITE = { siteId: 'naist', displayName: 'Nara', deployerGroups: ['members'], operatorGroups: ['nara-operators'] };
const FREE = { cpus: 7, memoryMiB: 8192, publicAddresses: 3 };

void suite('a lost site comes back', { timeout: 120_000 }, () => {
  const undo = new AsyncDisposableStack();
  const root = newKeyPair();
  let cloud: Cloud;
  let aws: AwsClients;
  let olga: ApiClient;

  before(async () => {
    const started = startCloud({ members: [OLGA], rootPublicKeyPem: root.publicKeyPem, log: () => undefined });
    cloud = undo.adopt(await started, (one) => one.close());
    aws = undo.adopt(awsClients(cloud.endpoints), (clients) => clients.destroy());
    const authorize = async () => `Bearer ${await cloud.issuer.issueToken('olga')}`;
    olga = undo.adopt(new ApiClient(cloud.apiUrl, authorize), (client) => client.close());
  });
  after(() => undo.disposeAsync());

  const register = async (): Promise<string> => {
    const call = { method: 'POST', path: '/v1/sites', body: SITE, answer: registerSiteResponse } as const;
    return (await olga.call(call)).enrollmentToken;
  };
  /** An agent with a key of its own. */
  const enroll = async (token: string) => {
    const { privateKeyPem, publicKeyPem } = newKeyPair();
    const body = { token, publicKeyPem };
    const { siteId, audience } = await olga.call({
      ...{ method: 'POST', path: '/v1/enrollments', body, answer: enrollResponse },
    });
    const identity = { siteId, agentId: 'a', audience, privateKeyPem, rootPublicKeyPem: root.publicKeyPem };
    return createFederationApi(cloud.apiUrl, identity);
  };
  const lose = (sk: string) => {
    const Key = { pk: { S: 'SITE#naist' }, sk: { S: sk } };
    return aws.dynamoDb.send(new DeleteItemCommand({ TableName: cloud.names.table, Key }));
  };
  const sites = async () => (await olga.call({ method: 'GET', path: '/v1/sites', answer: siteListResponse })).sites;
  const show = async () => (await olga.call({ method: 'GET', path: '/v1/sites/naist', answer: showSiteResponse })).site;
  const said = { free: FREE, cached: [] };

  test('its row: registered again, it is what it was with the next heartbeat, without a new enrollment', async () => {
    const agent = await enroll(await register());
    await agent.announce(said);
    const { queueUrl } = await agent.openSession();
    await lose('SITE');
    assert.deepEqual(await sites(), []);
    await assert.rejects(agent.announce(said), { code: 'NOT_FOUND' });
    await assert.rejects(agent.openSession(), { code: 'NOT_FOUND' });

    await register();
    assert.equal((await agent.openSession()).queueUrl, queueUrl, 'what waited there is there');
    await agent.announce(said);
    const { enrolled, silent, free, granted, operatorGroups } = await show();
    assert.deepEqual([enrolled, silent, free, granted], [true, false, FREE, true]);
    assert.deepEqual(operatorGroups, SITE.operatorGroups);
  });

  test('its agent’s key, too: registered again, the agent enrolls with the new token', async () => {
    await lose('SITE');
    const agent = await enroll(await register());
    await lose('AGENT');
    await assert.rejects(agent.announce(said), { code: 'SERVICE_UNAVAILABLE' });
    const again = await enroll(await register());
    await again.announce(said);
    assert.equal((await show()).silent, false);
    await assert.rejects(agent.announce(said), { code: 'SERVICE_UNAVAILABLE' }, 'the earlier key is good no more');
  });
});
