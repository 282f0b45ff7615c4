/** What every store of uses of image versions does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageVersion } from '#shared/api/images.ts';
import type { Deployment } from '#shared/deployment.ts';
import { ulid } from 'ulid';
import type { ImageStore } from '../../../functions/ports.ts';
import {
  sampleDeployment,
  sampleEvent,
  sampleImage,
  sampleImageVersion,
  sampleWarming,
} from '../../helpers/model-samples.ts';
import { type Stores, NOW, entry, code } from './stores.ts';

export function versionUsesContract(name: string, open: () => Stores): void {
  describe(`${name}: uses of image versions`, () => {
    const published = async (images: ImageStore) => {
      const imageName = `u-${ulid().toLowerCase()}`;
      const image = await images.findOrCreate(sampleImage({ imageName }), []);
      const version = sampleImageVersion(image);
      await images.addVersion(version, []);
      return { image, version };
    };
    const recalled = (version: ImageVersion) => ({ ...version, recall: { reason: 'broken', at: NOW, by: 'alice' } });
    const usesOf = async (images: ImageStore, { imageId }: { imageId: string }) =>
      (await images.listUses(imageId, 1)).map(({ deploymentId }) => deploymentId);

    it('are listed from a deployment’s creation to its end', async () => {
      const { images, deployments } = open();
      const { image } = await published(images);
      const [first, second] = [1_000, 2_000].map((time) =>
        sampleDeployment({ imageId: image.imageId, deploymentId: ulid(time) }),
      );
      assert.ok(first && second);
      for (const one of [second, first]) await deployments.create(one, sampleEvent(one), [], undefined);
      const { deploymentId, memberId, siteId } = first;
      assert.deepEqual((await images.listUses(image.imageId, 1))[0], { deploymentId, memberId, siteId });
      assert.deepEqual(await usesOf(images, image), [first.deploymentId, second.deploymentId]);
      assert.deepEqual(await images.listUses(image.imageId, 2), []);
      const running = { ...first, version: 2, phase: 'RUNNING' as const };
      await deployments.replace(first, running, undefined, []);
      assert.equal((await usesOf(images, image)).length, 2);
      await deployments.replace(running, { ...running, version: 3, phase: 'FAILED' }, undefined, []);
      assert.deepEqual(await usesOf(images, image), [second.deploymentId]);
    });

    it('end with a recall for what is new, and not for what was there; an idempotency key still answers', async () => {
      const { images, deployments, warmings } = open();
      const { image, version } = await published(images);
      const { imageId } = image;
      const key = { memberId: ulid(), key: ulid(), requestSha256: 'one' };
      const early = sampleDeployment({ imageId });
      await deployments.create(early, sampleEvent(early), [], key);
      await images.judgeVersion(recalled(version), [entry()]);
      assert.deepEqual(await images.findVersion(imageId, 1), recalled(version));
      const late = sampleDeployment({ imageId });
      for (const used of [undefined, { ...key, key: ulid() }]) {
        await assert.rejects(deployments.create(late, sampleEvent(late), [], used), code('IMAGE_RECALLED'));
        await assert.rejects(warmings.create(sampleWarming({ imageId }), [], used), code('IMAGE_RECALLED'));
      }
      assert.equal(await deployments.find(late.deploymentId), undefined);
      assert.deepEqual(await deployments.create(late, sampleEvent(late), [], key), early);
      assert.deepEqual(await usesOf(images, image), [early.deploymentId]);
      const pointed = { ...image, channels: { stable: 1 }, revision: 1 };
      await assert.rejects(images.replaceSettings(image, pointed, 1, []), code('CONFLICT'));
      await assert.rejects(images.judgeVersion(version, []), code('CONFLICT'));
      await deployments.replace(early, { ...early, version: 2, phase: 'FAILED' }, undefined, []);
      await images.deleteVersion(image, 1, []);
    });

    it('keep a version from being deleted; without any it is, and so it stays', async () => {
      const { images, deployments, warmings } = open();
      const { image } = await published(images);
      const { imageId } = image;
      const one = sampleDeployment({ imageId });
      await deployments.create(one, sampleEvent(one), [], undefined);
      await assert.rejects(images.deleteVersion(image, 1, []), code('CONFLICT'));
      await deployments.replace(one, { ...one, version: 2, phase: 'FAILED' }, undefined, []);
      const moved = { ...image, channels: { stable: 1 }, revision: 1 };
      await images.replaceSettings(image, moved, 1, []);
      await assert.rejects(images.deleteVersion(image, 1, []), code('CONFLICT'), 'what was read is of the past');
      await images.deleteVersion(moved, 1, [entry()]);
      assert.equal(await images.findVersion(imageId, 1), undefined);
      assert.equal((await images.findById(imageId))?.latestVersion, 1);
      const late = sampleDeployment({ imageId });
      await assert.rejects(deployments.create(late, sampleEvent(late), [], undefined), code('NOT_FOUND'));
      await assert.rejects(warmings.create(sampleWarming({ imageId }), [], undefined), code('NOT_FOUND'));
      await assert.rejects(images.deleteVersion(moved, 1, []), code('CONFLICT'));
    });

    it('a deletion among many simultaneous deployments: it loses, or each of them does', async () => {
      const { images, deployments } = open();
      for (let round = 0; round < 10; round++) {
        const { image } = await published(images);
        const rows = Array.from({ length: 4 }, () => sampleDeployment({ imageId: image.imageId }));
        const create = (one: Deployment) => deployments.create(one, sampleEvent(one), [], undefined);
        const [first, ...rest] = rows.map((one) => () => create(one));
        assert.ok(first);
        // Its place among them differs from round to round.
        const ahead = round % 2 === 0 ? [] : [first()];
        const deletion = images.deleteVersion(image, 1, []);
        const behind = [...(round % 2 === 0 ? [first()] : []), ...rest.map((one) => one())];
        const [deleted, ...made] = await Promise.allSettled([deletion, ...ahead, ...behind]);
        const count = made.filter(({ status }) => status === 'fulfilled').length;
        assert.equal(count > 0, deleted.status === 'rejected', `${count} made`);
        assert.equal((await usesOf(images, image)).length, count);
        assert.equal((await images.findVersion(image.imageId, 1)) === undefined, count === 0);
      }
    });
  });
}
