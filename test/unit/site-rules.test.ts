import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accessForGroups, siteAccessSchema } from '#shared/site-access.ts';
import * as z from 'zod';
import { isGranted, refusalAt } from '../../functions/site-rules.ts';
import { sampleSite } from '../helpers/model-samples.ts';

const ALICE = { memberId: 'alice', groups: ['members'] };
const access = (said: Partial<z.input<typeof siteAccessSchema>>) =>
  siteAccessSchema.parse({ version: 1, grants: [], ...said });
const siteWith = (said: Parameters<typeof access>[0]) => sampleSite({ access: access(said) });

describe('whether a member may deploy an image at a site', () => {
  const refused = (said: Parameters<typeof access>[0], member = ALICE, imageName = 'hpc-base') => {
    const { code, message } = refusalAt(siteWith(said), member, imageName) ?? {};
    return code === undefined ? 'allowed' : `${code}: ${message}`;
  };

  it('is said by a grant to one of their groups, or to them; without one it is refused', () => {
    assert.equal(refused({ grants: [{ groups: ['others', 'members'] }] }), 'allowed');
    assert.equal(refused({ grants: [{ member: 'alice' }] }), 'allowed');
    assert.equal(refused({}), 'FORBIDDEN: no grant of naist is for alice');
    assert.equal(refused({ grants: [{ groups: ['alice'] }, { member: 'members' }] }), refused({}));
  });

  it('is said for all images, or for some', () => {
    const some = { grants: [{ groups: ['members'], images: ['hpc-base', 'hpc-gpu'] }] };
    assert.equal(refused(some), 'allowed');
    assert.equal(refused(some, ALICE, 'other'), 'FORBIDDEN: no grant of naist for alice is for the image other');
    assert.equal(refused({ grants: [...some.grants, { member: 'alice', images: 'all' }] }, ALICE, 'other'), 'allowed');
  });

  it('is refused by a veto, whatever a grant says', () => {
    const grants = [{ groups: ['members'] }, { member: 'alice' }];
    assert.equal(refused({ grants, vetoes: { members: ['alice'] } }), 'VETOED: the operators of naist refuse alice');
    const vetoes = { images: ['hpc-base'] };
    assert.equal(refused({ grants, vetoes }), 'VETOED: the operators of naist refuse hpc-base');
    assert.equal(refused({ grants, vetoes }, ALICE, 'other'), 'allowed');
    assert.equal(refused({ vetoes: { ...vetoes, members: ['alice'] } }), refused({}));
  });

  it('is refused while the site drains; who has no right there learns that first', () => {
    const drainingSince = '2026-11-23T09:00:00.000Z';
    const draining = sampleSite({ drainingSince });
    assert.equal(refusalAt(draining, ALICE, 'hpc-base')?.code, 'SITE_DRAINING');
    assert.equal(refusalAt(draining, { memberId: 'eve', groups: [] }, 'hpc-base')?.code, 'FORBIDDEN');
  });
});

describe('a site is for a member', () => {
  it('whom a grant is for and no veto, whatever the image', () => {
    assert.equal(isGranted(access({ grants: [{ member: 'alice', images: ['one'] }] }), ALICE), true);
    assert.equal(isGranted(access({ grants: [{ member: 'alice' }], vetoes: { members: ['alice'] } }), ALICE), false);
    assert.equal(isGranted(accessForGroups(['members']), ALICE), true);
    assert.equal(isGranted(accessForGroups([]), ALICE), false);
  });
});

describe('what an operator writes', () => {
  it('names groups or a member in each grant, not both, not neither; and nothing unknown', () => {
    const accepts = (grant: unknown) => siteAccessSchema.safeParse({ version: 1, grants: [grant] }).success;
    assert.equal(accepts({ groups: ['members'], quota: { maxCpus: 0 } }), true);
    for (const grant of [
      {},
      { groups: ['members'], member: 'alice' },
      { groups: [] },
      { member: '' },
      { member: 'alice', images: [] },
      { member: 'alice', images: 'some' },
      { member: 'alice', images: ['../x'] },
      { member: 'alice', quota: { maxCpus: -1 } },
      { member: 'alice', quota: { maxcpus: 4 } },
      { member: 'alice', until: 'tomorrow' },
    ]) {
      assert.equal(accepts(grant), false, JSON.stringify(grant));
    }
  });

  it('may leave out what is usual: all images, no limits, no vetoes', () => {
    const { grants, vetoes } = access({ grants: [{ member: 'alice' }] });
    assert.deepEqual(grants, [{ member: 'alice', images: 'all', quota: {} }]);
    assert.deepEqual(vetoes, { members: [], images: [] });
  });
});
