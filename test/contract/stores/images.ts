/** What every store of images does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ulid } from 'ulid';
import { sampleImage, sampleImageVersion } from '../../helpers/model-samples.ts';
import { type Stores, entry, code } from './stores.ts';

export function imagesContract(name: string, open: () => Stores): void {
  describe(`${name}: images`, () => {
    it('gives a name to one image only, whoever comes second', async () => {
      const { images } = open();
      const imageName = `i-${ulid().toLowerCase()}`;
      const made = await Promise.all([1, 2, 3].map(() => images.findOrCreate(sampleImage({ imageName }), [entry()])));
      assert.equal(new Set(made.map(({ imageId }) => imageId)).size, 1);
      assert.deepEqual(await images.findByName(imageName), made[0]);
      assert.ok((await images.list()).some((image) => image.imageName === imageName));
    });

    it('adds only the next version', async () => {
      const { images } = open();
      const image = await images.findOrCreate(sampleImage({ imageName: `v-${ulid().toLowerCase()}` }), []);
      const first = sampleImageVersion(image);
      await images.addVersion(first, [entry()]);
      await assert.rejects(images.addVersion(first, []), code('CONFLICT'));
      await assert.rejects(images.addVersion({ ...first, version: 3 }, []), code('CONFLICT'));
      assert.equal((await images.findById(image.imageId))?.latestVersion, 1);
      assert.deepEqual(await images.listVersions(image.imageId), [first]);
      assert.deepEqual(await images.findVersion(image.imageId, 1), first);
      assert.equal(await images.findVersion(image.imageId, 2), undefined);
    });

    it('restores what is missing, and changes nothing that is there', async () => {
      const { images } = open();
      const imageName = `r-${ulid().toLowerCase()}`;
      const image = sampleImage({ imageName, latestVersion: 1, sharing: { with: 'owner' } });
      const version = { ...sampleImageVersion(image), version: 1 };
      const restore = async () => [
        await images.restoreImage(image, [entry()]),
        await images.restoreVersion(version, [entry()]),
      ];
      assert.deepEqual(await restore(), [true, true]);
      assert.deepEqual(await restore(), [false, false]);
      assert.equal(await images.restoreImage({ ...image, ownerId: 'mallory' }, []), false);
      assert.equal(await images.restoreVersion({ ...version, parts: 99 }, []), false);
      assert.deepEqual(await images.findByName(imageName), image);
      assert.deepEqual(await images.listVersions(image.imageId), [version]);
      assert.ok((await images.list()).some(({ imageId }) => imageId === image.imageId));
      await assert.rejects(images.restoreImage(sampleImage({ imageName }), []), code('CONFLICT'));
    });

    it('restores no version that was deleted', async () => {
      const { images } = open();
      const image = await images.findOrCreate(sampleImage({ imageName: `d-${ulid().toLowerCase()}` }), []);
      const version = sampleImageVersion(image);
      await images.addVersion(version, []);
      const present = (await images.findById(image.imageId)) ?? assert.fail();
      await images.deleteVersion(present, 1, []);
      await assert.rejects(images.restoreVersion(version, []), code('NOT_FOUND'));
      assert.deepEqual(await images.listVersions(image.imageId), []);
    });

    it('keeps how far a removed channel had come', async () => {
      const { images } = open();
      const image = await images.findOrCreate(sampleImage({ imageName: `m-${ulid().toLowerCase()}` }), []);
      await images.addVersion(sampleImageVersion(image), []);
      const set = { ...image, channels: { stable: 1 }, revision: 1 };
      await images.replaceSettings(image, set, 1, []);
      const removed = { ...set, channels: {}, removedChannels: { stable: 1 }, revision: 2 };
      await images.replaceSettings(set, removed, undefined, []);
      const kept = await images.findById(image.imageId);
      assert.deepEqual([kept?.channels, kept?.removedChannels], [{}, { stable: 1 }]);
      await images.replaceSettings(removed, { ...removed, sharing: { with: 'owner' }, revision: 3 }, undefined, []);
      assert.deepEqual((await images.findByName(image.imageName))?.removedChannels, { stable: 1 });
    });

    it('of many simultaneous changes of channels and sharing, one wins; a version published meanwhile stays', async () => {
      const { images } = open();
      const image = await images.findOrCreate(sampleImage({ imageName: `c-${ulid().toLowerCase()}` }), []);
      await images.addVersion(sampleImageVersion(image), []);
      const change = (channels: Record<string, number>) =>
        images.replaceSettings(image, { ...image, channels, revision: 1 }, undefined, [entry()]);
      const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((channel) => change({ [channel]: 1 })));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(code('CONFLICT')(outcome.reason));
      const once = await images.findById(image.imageId);
      assert.ok(once);
      assert.deepEqual([Object.keys(once.channels ?? {}).length, once.latestVersion, once.revision], [1, 1, 1]);
      await images.addVersion(sampleImageVersion(once), []);
      const sharing = { with: 'groups', groups: ['physics'] } as const;
      await images.replaceSettings(once, { ...once, sharing: { ...sharing, groups: ['physics'] }, revision: 2 }, 2, []);
      const twice = await images.findByName(image.imageName);
      assert.deepEqual(twice, { ...once, sharing, revision: 2, latestVersion: 2 });
    });
  });
}
