/** Somebody else writes the row between our read and our write. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { renewUrls } from '../../functions/renew-urls/renew-urls.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { ALICE, code, controlPlane, wish } from '../helpers/control-plane.ts';

/** A deployment whose row changes under the next `times` writers: an agent's progress, say. */
async function contested(times: number) {
  const plane = await controlPlane();
  const { ports } = plane;
  const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
  const { deployments } = ports;
  const replace = deployments.replace.bind(deployments);
  let left = times;
  deployments.replace = async (before: Deployment, ...rest) => {
    if (left-- > 0) await replace(before, { ...before, version: before.version + 1 }, undefined, []);
    await replace(before, ...rest);
  };
  return { ...plane, deploymentId };
}

describe('beside four other writers', () => {
  it('a renewal comes through, and mints once', async () => {
    const { ports, deploymentId, trail } = await contested(4);
    let minted = 0;
    const urlSigner = {
      mint: (request: { imageId: string }) => {
        minted += 1;
        return ports.urlSigner.mint(request);
      },
    };
    await renewUrls('naist', deploymentId, { ...ports, urlSigner });
    assert.equal(minted, 1);
    assert.equal(trail.filter(({ action }) => action === 'urls.mint').length, 1);
  });

  it('fault 62: a wish to destroy comes through, as one new generation', async () => {
    const { ports, deploymentId } = await contested(4);
    assert.equal((await destroyDeployment(ALICE, deploymentId, ports)).desired.generation, 2);
  });
});

it('beside writers without end it is a CONFLICT', async () => {
  const { ports, deploymentId } = await contested(Infinity);
  await assert.rejects(renewUrls('naist', deploymentId, ports), code('CONFLICT'));
  await assert.rejects(destroyDeployment(ALICE, deploymentId, ports), code('CONFLICT'));
});

it('fault 62: a deployment destroyed while its URLs were minted does not get them', async () => {
  const { ports } = await controlPlane();
  const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
  const urlSigner = {
    mint: async (request: { imageId: string }) => {
      await destroyDeployment(ALICE, deploymentId, ports);
      return ports.urlSigner.mint(request);
    },
  };
  await assert.rejects(renewUrls('naist', deploymentId, { ...ports, urlSigner }), code('FORBIDDEN'));
});
