/** Channels, deprecation, recall, deletion and sharing, on in-memory stores that are held to the real ones' contract. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ulid } from 'ulid';
import { findImage, imageAsSeenBy, maySeeImage } from '../../functions/find-image.ts';
import { removeChannel, setChannel, shareImage } from '../../functions/manage-images/manage-images.ts';
import { deleteVersion, deprecateVersion, recallVersion } from '../../functions/manage-images/manage-versions.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { renewUrls } from '../../functions/renew-urls/renew-urls.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { renewWarmingUrls } from '../../functions/serve-warming/serve-warming.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import { ALICE, code, controlPlane, MALLORY, wish } from '../helpers/control-plane.ts';
import { sampleImage, sampleImageVersion } from '../helpers/model-samples.ts';
import { nextReport } from '../helpers/next-report.ts';

const IMAGE = 'hpc-base';
const OLGA = { memberId: 'olga', groups: ['federation-operators', 'members'] };
const at = (version: number) => ({ imageName: IMAGE, version });

/** Three versions of ALICE's image; the trail's records from there on, as text. */
async function catalog() {
  const plane = await controlPlane();
  const { ports, image, trail } = plane;
  for (const version of [2, 3]) await ports.images.addVersion(sampleImageVersion(image, { version }), []);
  const records = () =>
    trail.splice(0).map(({ actor, action, decision, reason = '' }) => `${decision} ${action} ${actor} ${reason}`);
  const deploy = async (changes = {}, member = MALLORY) => requestDeployment(member, wish(changes), undefined, ports);
  const warm = async (changes = {}) =>
    warmImage(MALLORY, { imageName: IMAGE, siteId: 'naist', keep: false, ...changes }, undefined, ports);
  const end = (deploymentId: string) => {
    const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
    return recordReport('naist', deploymentId, nextReport({ generation: 1, phase: 'FAILED', failure }), ports);
  };
  return { ...plane, records, deploy, warm, end };
}

describe('a channel', () => {
  it('is the version that it points at when it is asked for, and the deployment keeps that one', async () => {
    const { ports, deploy, warm, records } = await catalog();
    await setChannel(ALICE, IMAGE, 'stable', 1, ports);
    const first = await deploy({ imageChannel: 'stable' });
    await setChannel(ALICE, IMAGE, 'stable', 2, ports);
    assert.equal((await deploy({ imageChannel: 'stable' })).imageVersion, 2);
    assert.equal((await warm({ imageChannel: 'stable' })).imageVersion, 2);
    assert.equal((await ports.deployments.find(first.deploymentId))?.imageVersion, 1);
    const moves = records().filter((record) => record.includes('image.channel'));
    assert.deepEqual(moves, [
      'allow image.channel member:alice hpc-base@stable is version 1',
      'allow image.channel member:alice hpc-base@stable is version 2',
    ]);
  });

  it('never goes back, stays where it is asked to stay, and goes on from where it was after it was removed', async () => {
    const { ports, records, deploy } = await catalog();
    const back = (message: string) => ({ ...code('CONFLICT'), message });
    const image = await setChannel(ALICE, IMAGE, 'stable', 2, ports);
    records();
    assert.deepEqual(await setChannel(ALICE, IMAGE, 'stable', 2, ports), image);
    assert.deepEqual(records(), []);
    const is = back('hpc-base@stable is version 2, and never goes back');
    await assert.rejects(setChannel(ALICE, IMAGE, 'stable', 1, ports), is);
    await removeChannel(ALICE, IMAGE, 'stable', ports);
    await assert.rejects(deploy({ imageChannel: 'stable' }), code('NOT_FOUND'));
    await assert.rejects(removeChannel(ALICE, IMAGE, 'stable', ports), code('NOT_FOUND'));
    const was = back('hpc-base@stable was version 2, and never goes back');
    await assert.rejects(setChannel(ALICE, IMAGE, 'stable', 1, ports), was);
    assert.deepEqual((await setChannel(ALICE, IMAGE, 'other', 1, ports)).channels, { other: 1 });
    assert.deepEqual((await setChannel(ALICE, IMAGE, 'stable', 2, ports)).channels, { other: 1, stable: 2 });
    await setChannel(ALICE, IMAGE, 'stable', 3, ports);
    await removeChannel(ALICE, IMAGE, 'stable', ports);
    const later = back('hpc-base@stable was version 3, and never goes back');
    await assert.rejects(setChannel(ALICE, IMAGE, 'stable', 2, ports), later);
    assert.equal((await setChannel(ALICE, IMAGE, 'stable', 3, ports)).channels?.['stable'], 3);
  });

  it('has one of 64 names, those of removed ones included, which may be used again', async () => {
    const { ports } = await catalog();
    for (let i = 0; i < 64; i++) {
      await setChannel(ALICE, IMAGE, `c${i}`, 1, ports);
      await removeChannel(ALICE, IMAGE, `c${i}`, ports);
    }
    await assert.rejects(setChannel(ALICE, IMAGE, 'one-more', 1, ports), {
      ...code('CONFLICT'),
      message: 'the image hpc-base has had 64 channels already',
    });
    assert.deepEqual((await setChannel(ALICE, IMAGE, 'c7', 1, ports)).channels, { c7: 1 });
  });

  it('points at what is there and not recalled, and there are 16 at most', async () => {
    const { ports } = await catalog();
    await assert.rejects(setChannel(ALICE, IMAGE, 'stable', 9, ports), code('NOT_FOUND'));
    await recallVersion(ALICE, at(3), 'broken', ports);
    await assert.rejects(setChannel(ALICE, IMAGE, 'stable', 3, ports), code('IMAGE_RECALLED'));
    for (let i = 0; i < 16; i++) await setChannel(ALICE, IMAGE, `c${i}`, 1, ports);
    await assert.rejects(setChannel(ALICE, IMAGE, 'one-more', 1, ports), code('CONFLICT'));
    await setChannel(ALICE, IMAGE, 'c15', 2, ports);
  });

  it('named like a property of every object is a channel like any other', async () => {
    const { ports, deploy } = await catalog();
    await assert.rejects(deploy({ imageChannel: 'constructor' }), code('NOT_FOUND'));
    await setChannel(ALICE, IMAGE, 'constructor', 2, ports);
    assert.equal((await deploy({ imageChannel: 'constructor' })).imageVersion, 2);
  });

  it('or a version, not both; without either it is the newest', async () => {
    const { deploy } = await catalog();
    await assert.rejects(deploy({ imageChannel: 'stable', imageVersion: 1 }), code('INVALID_REQUEST'));
    assert.equal((await deploy()).imageVersion, 3);
  });

  it('set by two at once is set by both, one after the other', async () => {
    const { ports, image } = await catalog();
    await Promise.all(['a', 'b', 'c'].map((channel) => setChannel(ALICE, IMAGE, channel, 1, ports)));
    assert.deepEqual((await ports.images.findById(image.imageId))?.channels, { a: 1, b: 1, c: 1 });
  });
});

describe('a deprecated version', () => {
  it('works, and says why it should not be used, until that is taken back', async () => {
    const { ports, deploy, warm, records } = await catalog();
    await deprecateVersion(ALICE, at(3), 'slow disk', ports);
    assert.equal((await deploy()).imageDeprecated, 'slow disk');
    assert.equal((await warm()).imageDeprecated, 'slow disk');
    assert.equal((await deploy({ imageVersion: 2 })).imageDeprecated, undefined);
    await deprecateVersion(ALICE, at(3), 'slower than that', ports);
    const { deprecation } = await deprecateVersion(ALICE, at(3), undefined, ports);
    assert.equal(deprecation, undefined);
    assert.equal((await deploy()).imageDeprecated, undefined);
    assert.deepEqual(
      records().filter((record) => record.includes('image.deprecate')),
      ['deprecated: slow disk', 'deprecated: slower than that', 'not deprecated any more'].map(
        (said) => `allow image.deprecate member:alice hpc-base@3 ${said}`,
      ),
    );
  });
});

describe('a recalled version', () => {
  it('is refused to new deployments, warmings and renewals, and names those that run', async () => {
    const { ports, deploy, warm, records, end } = await catalog();
    const [running, over] = [await deploy({ imageVersion: 3 }), await deploy({ imageVersion: 3 })];
    await deploy({ imageVersion: 2 });
    await end(over.deploymentId);
    const { warmingId } = await warm({ imageVersion: 3 });
    records();
    const recalled = await recallVersion(OLGA, at(3), 'a key was left in it', ports);
    assert.deepEqual(recalled.deployments, [
      { deploymentId: running.deploymentId, memberId: 'mallory', siteId: 'naist' },
    ]);
    assert.deepEqual(records(), ['allow image.recall member:olga hpc-base@3: a key was left in it']);
    const words = { ...code('IMAGE_RECALLED'), message: /a key was left in it/ };
    await assert.rejects(deploy({ imageVersion: 3 }), words);
    await assert.rejects(warm({ imageVersion: 3 }), words);
    await assert.rejects(renewUrls('naist', running.deploymentId, ports), words);
    await assert.rejects(renewWarmingUrls('naist', warmingId, ports), words);
    assert.deepEqual(
      records().map((record) => record.split(' ').slice(0, 3).join(' ')),
      ['deny urls.mint agent:naist', 'deny urls.mint agent:naist'],
    );
    await assert.rejects(deprecateVersion(ALICE, at(3), 'old', ports), code('IMAGE_RECALLED'));
  });

  it('stays so: asked again, it answers who is left', async () => {
    const { ports, deploy, end } = await catalog();
    const { deploymentId } = await deploy({ imageVersion: 3 });
    const { version } = await recallVersion(ALICE, at(3), 'broken', ports);
    await end(deploymentId);
    const again = await recallVersion(OLGA, at(3), 'another reason', ports);
    assert.deepEqual(again, { version, deployments: [] });
  });

  it('is passed over where no version is named, and refused where its channel is', async () => {
    const { ports, deploy } = await catalog();
    await setChannel(ALICE, IMAGE, 'edge', 3, ports);
    await recallVersion(ALICE, at(3), 'broken', ports);
    assert.equal((await deploy()).imageVersion, 2);
    await assert.rejects(deploy({ imageChannel: 'edge' }), code('IMAGE_RECALLED'));
    for (const version of [1, 2]) await recallVersion(ALICE, at(version), 'broken', ports);
    await assert.rejects(deploy(), code('IMAGE_RECALLED'));
  });

  it('while its URLs are minted: the deployment is not made', async () => {
    const { ports } = await catalog();
    const urlSigner = {
      mint: async (request: { imageId: string }) => {
        await recallVersion(ALICE, at(3), 'broken', ports);
        return ports.urlSigner.mint(request);
      },
    };
    const attempt = requestDeployment(MALLORY, wish(), undefined, { ...ports, urlSigner });
    await assert.rejects(attempt, code('IMAGE_RECALLED'));
    assert.deepEqual(await ports.deployments.listByMember('mallory', undefined, 10), []);
  });
});

describe('deleting a version', () => {
  it('is refused while a channel points at it or a deployment uses it, which it names', async () => {
    const { ports, deploy, end, records, image } = await catalog();
    const { deploymentId } = await deploy({ imageVersion: 2 });
    await setChannel(ALICE, IMAGE, 'stable', 2, ports);
    await assert.rejects(deleteVersion(ALICE, at(2), ports), { ...code('CONFLICT'), message: /stable/ });
    await removeChannel(ALICE, IMAGE, 'stable', ports);
    const named = new RegExp(`${deploymentId} of mallory at naist`);
    await assert.rejects(deleteVersion(ALICE, at(2), ports), { ...code('CONFLICT'), message: named });
    await end(deploymentId);
    records();
    await deleteVersion(ALICE, at(2), ports);
    assert.deepEqual(records(), ['allow image.delete member:alice hpc-base@2']);
    await assert.rejects(deploy({ imageVersion: 2 }), code('NOT_FOUND'));
    await assert.rejects(deleteVersion(ALICE, at(2), ports), code('NOT_FOUND'));
    assert.deepEqual(
      (await ports.images.listVersions(image.imageId)).map(({ version }) => version),
      [1, 3],
    );
  });

  it('leaves its number used, and the ones before it the newest', async () => {
    const { ports, deploy, image } = await catalog();
    await deleteVersion(ALICE, at(3), ports);
    assert.equal((await deploy()).imageVersion, 2);
    assert.equal((await ports.images.findById(image.imageId))?.latestVersion, 3);
  });

  it('while a deployment of it is accepted: the deployment is not made', async () => {
    const { ports } = await catalog();
    const urlSigner = {
      mint: async (request: { imageId: string }) => {
        await deleteVersion(ALICE, at(3), ports);
        return ports.urlSigner.mint(request);
      },
    };
    const attempt = requestDeployment(MALLORY, wish(), undefined, { ...ports, urlSigner });
    await assert.rejects(attempt, code('NOT_FOUND'));
  });
});

describe('sharing', () => {
  it('says who may see an image: its owner and operators always', () => {
    const member = (...groups: string[]) => ({ memberId: ulid(), groups });
    const image = sampleImage();
    const physics = sampleImage({ sharing: { with: 'groups', groups: ['physics', 'chemistry'] } });
    const own = sampleImage({ sharing: { with: 'owner' } });
    assert.equal(maySeeImage(member(), image), true);
    assert.deepEqual(
      [member(), member('biology'), member('biology', 'physics')].map((one) => maySeeImage(one, physics)),
      [false, false, true],
    );
    assert.deepEqual(
      [member('members'), ALICE, OLGA].map((one) => maySeeImage(one, own)),
      [false, true, true],
    );
  });

  it('of many groups is told to each member for their own alone', () => {
    const image = sampleImage({ sharing: { with: 'groups', groups: ['physics', 'chemistry'] } });
    const paul = { memberId: 'paul', groups: ['members', 'physics'] };
    assert.deepEqual(imageAsSeenBy(paul, image).sharing, { with: 'groups', groups: ['physics'] });
    for (const member of [ALICE, OLGA]) assert.deepEqual(imageAsSeenBy(member, image), image);
    const open = sampleImage();
    assert.deepEqual(imageAsSeenBy(paul, open), open);
  });

  it('hides an image from everybody else as if there were none, on record', async () => {
    const { ports, deploy, warm, records } = await catalog();
    await shareImage(ALICE, IMAGE, { with: 'groups', groups: ['physics'] }, ports);
    records();
    const attempts = [
      () => deploy(),
      () => deploy({ imageVersion: 1 }),
      () => warm(),
      () => findImage(MALLORY, IMAGE, 'image.read', ports),
      () => deleteVersion(MALLORY, at(1), ports),
    ];
    for (const attempt of attempts) {
      await assert.rejects(attempt, { ...code('NOT_FOUND'), message: `there is no image ${IMAGE}` });
    }
    assert.deepEqual(
      records().map((record) => record.split(' ').slice(0, 3).join(' ')),
      ['deployment.request', 'deployment.request', 'warming.request', 'image.read', 'image.delete'].map(
        (action) => `deny ${action} member:mallory`,
      ),
    );
    const none = { ...code('NOT_FOUND'), message: 'there is no image nothing' };
    await assert.rejects(findImage(MALLORY, 'nothing', 'image.read', ports), none);
    assert.deepEqual(records(), []);
    assert.equal((await deploy({}, { memberId: 'paul', groups: ['members', 'physics'] })).imageVersion, 3);
  });
});

it('nothing is minted for a version that is gone, whatever was recalled of it before', async () => {
  const { ports, warm } = await catalog();
  const { warmingId } = await warm({ imageVersion: 2 });
  await recallVersion(OLGA, at(2), 'holds a key', ports);
  await deleteVersion(ALICE, at(2), ports);
  await assert.rejects(renewWarmingUrls('naist', warmingId, ports), code('NOT_FOUND'));
});

it('only the owner may, while they may publish, on record; an operator may recall', async () => {
  const { ports, records } = await catalog();
  const expelled = { ...ALICE, groups: ['members'] };
  await assert.rejects(deleteVersion(expelled, at(1), ports), code('FORBIDDEN'));
  assert.match(records().join(), /^deny image.delete member:alice only members of publishers /);
  for (const member of [MALLORY, OLGA]) {
    await assert.rejects(setChannel(member, IMAGE, 'stable', 1, ports), code('FORBIDDEN'));
    await assert.rejects(removeChannel(member, IMAGE, 'stable', ports), code('FORBIDDEN'));
    await assert.rejects(shareImage(member, IMAGE, { with: 'members' }, ports), code('FORBIDDEN'));
    await assert.rejects(deprecateVersion(member, at(1), 'x', ports), code('FORBIDDEN'));
    await assert.rejects(deleteVersion(member, at(1), ports), code('FORBIDDEN'));
    const actions = ['channel', 'channel', 'share', 'deprecate', 'delete'];
    assert.deepEqual(
      records().map((record) => record.split(' ').slice(0, 3).join(' ')),
      actions.map((action) => `deny image.${action} member:${member.memberId}`),
    );
  }
  await assert.rejects(recallVersion(MALLORY, at(1), 'x', ports), code('FORBIDDEN'));
  await recallVersion(OLGA, at(1), 'x', ports);
});
