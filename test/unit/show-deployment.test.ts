/** Operators see what they are responsible for, on record; to anybody else it is as if it were not there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { siteDeploymentsQuery } from '#shared/api/deployments.ts';
import { EdgebootError } from '#shared/errors.ts';
import { ulid } from 'ulid';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { listSiteDeployments } from '../../functions/read-deployments/list-site-deployments.ts';
import { readEvents, showDeployment } from '../../functions/read-deployments/show-deployment.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { ALICE, code, controlPlane, MALLORY, OSCAR, wish } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';

const OLGA = { memberId: 'olga', groups: ['federation-operators'] };
const OPERATORS = [OSCAR, OLGA];
/** Operates another site. */
const UMA = { memberId: 'uma', groups: ['ucsd-operators', 'members'] };

async function deployed() {
  const plane = await controlPlane();
  const made = await requestDeployment(ALICE, wish(), undefined, plane.ports);
  plane.trail.length = 0;
  const records = () =>
    plane.trail.splice(0).map(({ actor, action, decision, reason, siteId, deploymentId, sequence }) => ({
      ...{ actor, action, decision, reason, siteId, deploymentId, sequence },
    }));
  return { ...plane, made, deploymentId: made.deploymentId, records };
}

describe('a deployment', () => {
  it('is shown to its member whole, which is no matter of record', async () => {
    const { ports, made, deploymentId, records } = await deployed();
    assert.deepEqual(await showDeployment(ALICE, deploymentId, ports), made);
    assert.equal((await readEvents(ALICE, deploymentId, 0, ports)).length, 1);
    assert.deepEqual(records(), []);
  });

  for (const operator of OPERATORS) {
    it(`is shown to ${operator.memberId} but for its keys, with its history; each look is on record`, async () => {
      const { ports, made, deploymentId, records } = await deployed();
      const asked = { actor: `member:${operator.memberId}`, action: 'deployment.read', decision: 'allow' };
      const about = { deploymentId, siteId: 'naist', sequence: undefined };
      const shown = await showDeployment(operator, deploymentId, ports);
      assert.deepEqual(shown, { ...made, sshPublicKeys: undefined });
      assert.deepEqual(records(), [{ ...asked, ...about, reason: 'a deployment of alice' }]);
      assert.equal((await readEvents(operator, deploymentId, 0, ports)).length, 1);
      assert.deepEqual(records(), [{ ...asked, ...about, reason: 'the history of a deployment of alice' }]);
      assert.deepEqual(await ports.deployments.find(deploymentId), made, 'looking changes nothing');
    });

    it(`is not ${operator.memberId}'s to destroy`, async () => {
      const { ports, deploymentId } = await deployed();
      await assert.rejects(destroyDeployment(operator, deploymentId, ports), code('NOT_FOUND'));
    });
  }

  for (const stranger of [MALLORY, UMA]) {
    it(`is not there for ${stranger.memberId}: no answer tells it from one that is not, and it is on record`, async () => {
      const { ports, deploymentId, records } = await deployed();
      const none = ulid();
      for (const read of [showDeployment, (...[who, id, at]: Asked) => readEvents(who, id, 0, at)]) {
        const hidden = await refusalOf(read(stranger, deploymentId, ports));
        assert.deepEqual(
          records().map(({ actor, action, decision }) => [actor, action, decision]),
          [[`member:${stranger.memberId}`, 'deployment.read', 'deny']],
        );
        const absent = await refusalOf(read(stranger, none, ports));
        assert.equal(absent.code, 'NOT_FOUND');
        const asAbsent = { ...hidden, message: hidden.message.replace(deploymentId, none) };
        assert.deepEqual(asAbsent, absent);
        assert.deepEqual(records(), []);
      }
    });
  }
});

type Asked = Parameters<typeof showDeployment>;

/** What a caller is told. */
async function refusalOf(read: Promise<unknown>) {
  const error: unknown = await read.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof EdgebootError);
  const { code, message, remedy } = error;
  return { code, message, remedy };
}

describe('what is at a site', () => {
  const page = (query: Record<string, string>) => siteDeploymentsQuery.parse(query);

  it('is listed for its operators, whoever’s it is, page by page, on record; what is over is not', async () => {
    const { ports, made, deploymentId, records } = await deployed();
    const others = ['bob', 'carol'].map((memberId, i) =>
      sampleDeployment({ memberId, deploymentId: ulid((i + 1) * 1000) }),
    );
    const elsewhere = sampleDeployment({ siteId: 'ucsd' });
    const failed = sampleDeployment({ phase: 'FAILED' });
    for (const one of [...others, elsewhere]) await ports.deployments.create(one, sampleEvent(one), [], undefined);
    const begun = { ...failed, phase: 'ACCEPTED' as const };
    await ports.deployments.create(begun, sampleEvent(begun), [], undefined);
    await ports.deployments.replace(begun, { ...failed, version: 2 }, undefined, []);
    const [bobs, carols] = others.map(({ deploymentId }) => deploymentId);
    for (const operator of OPERATORS) {
      const list = (query: Record<string, string>) => listSiteDeployments(operator, 'naist', page(query), ports);
      const first = await list({ limit: '2' });
      assert.deepEqual(
        first.deployments.map((one) => one.deploymentId),
        [deploymentId, carols],
      );
      assert.deepEqual(first.deployments[0], { ...made, sshPublicKeys: undefined });
      const rest = await list({ limit: '2', next: first.next ?? '' });
      assert.deepEqual(
        rest.deployments.map((one) => one.deploymentId),
        [bobs],
      );
      assert.equal(rest.next, undefined);
      assert.equal((await list({})).deployments.length, 3);
      const record = { actor: `member:${operator.memberId}`, action: 'deployment.read', decision: 'allow' };
      const about = { siteId: 'naist', deploymentId: undefined, sequence: undefined };
      const read = { ...record, ...about, reason: 'the list of the deployments there' };
      assert.deepEqual(records(), [read, read, read]);
    }
  });

  it('is nobody else’s to list, on record; a site that is not there has none', async () => {
    const { ports, records } = await deployed();
    for (const stranger of [ALICE, MALLORY, UMA]) {
      await assert.rejects(listSiteDeployments(stranger, 'naist', {}, ports), code('FORBIDDEN'));
      assert.deepEqual(
        records().map(({ actor, action, decision, siteId }) => [actor, action, decision, siteId]),
        [[`member:${stranger.memberId}`, 'deployment.read', 'deny', 'naist']],
      );
    }
    await assert.rejects(listSiteDeployments(OLGA, 'nowhere', {}, ports), code('NOT_FOUND'));
  });

  it('leaves out what ends while it is read, and goes on behind it', async () => {
    const { ports, deploymentId } = await deployed();
    const other = sampleDeployment({ deploymentId: ulid(1000) });
    await ports.deployments.create(other, sampleEvent(other), [], undefined);
    const { deployments } = ports;
    const find = deployments.find.bind(deployments);
    deployments.find = async (id) => {
      const row = await find(id);
      return row && id === deploymentId ? { ...row, phase: 'TERMINATED' } : row;
    };
    const first = await listSiteDeployments(OSCAR, 'naist', page({ limit: '1' }), ports);
    assert.deepEqual(first.deployments, []);
    const rest = await listSiteDeployments(OSCAR, 'naist', page({ limit: '1', next: first.next ?? '' }), ports);
    assert.deepEqual(rest.deployments, [{ ...other, sshPublicKeys: undefined }]);
  });

  it('takes no token but its own, and no filter', () => {
    for (const query of [{ next: '?' }, { limit: '0' }, { limit: '101' }, { phase: 'RUNNING' }]) {
      assert.equal(siteDeploymentsQuery.safeParse(query).success, false, JSON.stringify(query));
    }
  });
});
