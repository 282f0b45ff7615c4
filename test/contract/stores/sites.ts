/** What every store of sites does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ulid } from 'ulid';
import { sampleSite } from '../../helpers/model-samples.ts';
import { type Stores, NOW, LATER, entry, code } from './stores.ts';

export function sitesContract(name: string, open: () => Stores): void {
  describe(`${name}: sites`, () => {
    it('fault 59: uses an enrollment token up at its first use, and takes no expired one', async () => {
      const { sites } = open();
      const siteId = `s-${ulid().toLowerCase()}`.slice(0, 32);
      const token = { sha256: ulid(), expiresAt: LATER };
      await sites.register(sampleSite({ siteId }), token, [entry()]);
      const key = { siteId, publicKeyPem: 'pem' };
      await assert.rejects(sites.enroll(key, 'unknown', NOW, []), code('FORBIDDEN'));
      await assert.rejects(sites.enroll({ ...key, siteId: 'other' }, token.sha256, NOW, []), code('FORBIDDEN'));
      await assert.rejects(sites.enroll(key, token.sha256, LATER, []), code('FORBIDDEN'));
      assert.equal(await sites.findAgentKey(siteId), undefined);
      assert.equal(await sites.enroll(key, token.sha256, NOW, [entry()]), true);
      assert.deepEqual(await sites.findAgentKey(siteId), key);
      assert.equal((await sites.find(siteId))?.enrolled, true);
      await assert.rejects(sites.enroll({ ...key, publicKeyPem: 'other' }, token.sha256, NOW, []), code('FORBIDDEN'));
    });

    it('enroll the agent of the same key again with its token, once done, until another agent enrolls', async () => {
      const { sites, outbox } = open();
      const siteId = `e-${ulid().toLowerCase()}`.slice(0, 32);
      const [first, second] = [ulid(), ulid()].map((sha256) => ({ sha256, expiresAt: LATER }));
      assert.ok(first && second);
      const [key, other] = ['pem', 'other pem'].map((publicKeyPem) => ({ siteId, publicKeyPem }));
      assert.ok(key && other);
      await sites.register(sampleSite({ siteId }), first, []);
      await sites.enroll(key, first.sha256, NOW, []);
      const audit = entry();
      assert.equal(await sites.enroll(key, first.sha256, LATER, [audit]), false, 'also when it would be too late');
      assert.ok(!(await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
      await sites.register(sampleSite({ siteId }), second, []);
      assert.equal(await sites.enroll(key, first.sha256, NOW, []), false, 'it is the agent still');
      await assert.rejects(sites.enroll(other, first.sha256, NOW, []), code('FORBIDDEN'));
      await sites.enroll(other, second.sha256, NOW, []);
      await assert.rejects(sites.enroll(key, first.sha256, NOW, []), code('FORBIDDEN'));
      assert.deepEqual(await sites.findAgentKey(siteId), other);
    });

    it('fault 54: are registered once by an idempotency key, however many ask at once', async () => {
      const { sites } = open();
      const siteId = `i-${ulid().toLowerCase()}`.slice(0, 32);
      const idempotencyKey = { memberId: 'olga', key: ulid(), requestSha256: 'one' };
      const register = async (registrationId: string, displayName: string) => {
        const token = { sha256: registrationId, expiresAt: LATER };
        const once = { registrationId, idempotencyKey };
        return (await sites.register(sampleSite({ siteId, displayName }), token, [], once)) ?? registrationId;
      };
      assert.equal(await sites.findRegistration(idempotencyKey, NOW), undefined);
      const made = await Promise.all(['a', 'b', 'c'].map((name) => register(ulid(), name)));
      const [registrationId = ''] = made;
      assert.equal(new Set(made).size, 1);
      assert.equal(await register(ulid(), 'd'), registrationId);
      assert.notEqual((await sites.find(siteId))?.displayName, 'd');
      assert.equal(await sites.findRegistration(idempotencyKey, NOW), registrationId);
      const other = { ...idempotencyKey, requestSha256: 'two' };
      await assert.rejects(sites.findRegistration(other, NOW), code('IDEMPOTENCY_MISMATCH'));
      assert.equal(await sites.enroll({ siteId, publicKeyPem: 'pem' }, registrationId, NOW, []), true);
    });

    it('registered again have the new settings and token alone, and keep what their agent said', async () => {
      const { sites } = open();
      const siteId = `r-${ulid().toLowerCase()}`.slice(0, 32);
      const [first, second] = [ulid(), ulid()].map((sha256) => ({ sha256, expiresAt: LATER }));
      assert.ok(first && second);
      await sites.register(sampleSite({ siteId, egressAddress: '192.0.2.1' }), first, []);
      const key = { siteId, publicKeyPem: 'pem' };
      await sites.enroll(key, first.sha256, NOW, []);
      await sites.recordHeartbeat(siteId, NOW, {
        free: { cpus: 1, memoryMiB: 1, publicAddresses: 1 },
        agentVersion: '0.1.0',
        cached: [],
      });
      await sites.register(sampleSite({ siteId, displayName: 'Elsewhere', createdAt: LATER }), second, []);
      const site = await sites.find(siteId);
      assert.deepEqual(
        [site?.displayName, site?.egressAddress, site?.enrolled, site?.lastSeen, site?.createdAt],
        ['Elsewhere', undefined, true, NOW, sampleSite().createdAt],
      );
      const other = { siteId, publicKeyPem: 'other pem' };
      await assert.rejects(sites.enroll(other, first.sha256, NOW, []), code('FORBIDDEN'));
      await sites.enroll(other, second.sha256, NOW, []);
    });

    it('drain, also when they are registered again, until they resume', async () => {
      const { sites, outbox } = open();
      const siteId = `d-${ulid().toLowerCase()}`.slice(0, 32);
      const register = () => sites.register(sampleSite({ siteId }), { sha256: ulid(), expiresAt: LATER }, []);
      const drainingSince = async () => (await sites.find(siteId))?.drainingSince;
      await register();
      assert.equal(await drainingSince(), undefined);
      const audit = entry();
      await sites.setDraining(siteId, NOW, [audit]);
      await register();
      assert.equal(await drainingSince(), NOW);
      assert.ok((await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
      await sites.setDraining(siteId, undefined, []);
      assert.equal(await drainingSince(), undefined);
      await sites.setDraining(siteId, undefined, []);
      await assert.rejects(sites.setDraining('vanished', NOW, []), code('NOT_FOUND'));
    });

    it('keep their operators when they are registered again without a word about them', async () => {
      const { sites } = open();
      const siteId = `o-${ulid().toLowerCase()}`.slice(0, 32);
      const operators = async (operatorGroups: readonly string[] | undefined) => {
        await sites.register({ ...sampleSite({ siteId }), operatorGroups }, { sha256: ulid(), expiresAt: LATER }, []);
        return (await sites.find(siteId))?.operatorGroups;
      };
      assert.deepEqual(await operators(undefined), []);
      assert.deepEqual(await operators(['one', 'two']), ['one', 'two']);
      assert.deepEqual(await operators(undefined), ['one', 'two']);
      assert.deepEqual(await operators([]), []);
    });

    it('keep the grants that their operators set last, also when they are registered again', async () => {
      const { sites, outbox } = open();
      const siteId = `g-${ulid().toLowerCase()}`.slice(0, 32);
      const register = () => sites.register(sampleSite({ siteId }), { sha256: ulid(), expiresAt: LATER }, []);
      await register();
      assert.deepEqual((await sites.find(siteId))?.access, sampleSite().access);
      const audit = entry();
      const grant = { member: 'alice', images: ['hpc-base'], quota: { maxCpus: 4 } };
      const access = { version: 2, grants: [grant], vetoes: { members: ['mallory'], images: [] } };
      await sites.setAccess(siteId, access, [audit]);
      await register();
      assert.deepEqual((await sites.find(siteId))?.access, access);
      assert.ok((await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
      await assert.rejects(sites.setAccess(siteId, access, []), code('CONFLICT'));
      await assert.rejects(sites.setAccess('vanished', access, []), code('CONFLICT'));
    });

    it('shows the last heartbeat', async () => {
      const { sites } = open();
      const siteId = `h-${ulid().toLowerCase()}`.slice(0, 32);
      await sites.register(sampleSite({ siteId }), { sha256: ulid(), expiresAt: LATER }, []);
      const free = { cpus: 3, memoryMiB: 1000, publicAddresses: 7 };
      const said = { free, agentVersion: '0.1.0', cached: [{ imageId: ulid(), version: 3, cachedBytes: 5 }] };
      await sites.recordHeartbeat(siteId, NOW, said);
      assert.equal((await sites.find(siteId))?.enrolled, true, 'whoever is heard is enrolled');
      const shown = (await sites.list()).find((site) => site.siteId === siteId);
      assert.deepEqual([shown?.free, shown?.cached], [free, said.cached]);
      assert.equal(shown?.lastSeen, NOW);
      await assert.rejects(sites.recordHeartbeat('vanished', NOW, said), code('NOT_FOUND'));
    });
  });
}
