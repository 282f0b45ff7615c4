import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyReport, type Report } from '#shared/apply-report.ts';
import { isOutcome, isTerminal, mayFollow, type Phase, PHASES } from '#shared/deployment.ts';
import { sampleDeployment } from '../helpers/model-samples.ts';

const NOW = '2026-11-23T09:00:00.000Z';
const report = (changes: Partial<Report> = {}): Report => ({
  generation: 1,
  phase: 'FETCHING',
  agentId: 'agent-1',
  ...changes,
});
const refused = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

describe('the state machine of a deployment', () => {
  it('leads from every phase to an end, and from an end nowhere', () => {
    for (const phase of PHASES) {
      const next = PHASES.filter((to) => mayFollow(phase, to));
      if (isTerminal(phase)) assert.deepEqual(next, []);
      else assert.ok(next.includes('FAILED') && (phase === 'DESTROYING' || next.includes('DESTROYING')), phase);
    }
  });

  it('reaches TERMINATED only through DESTROYING', () => {
    assert.deepEqual(
      PHASES.filter((phase) => mayFollow(phase, 'TERMINATED')),
      ['DESTROYING'],
    );
  });

  it('lets an agent begin anew after a crash, but not after RUNNING', () => {
    const working: Phase[] = ['FETCHING', 'PERSONALIZING', 'BOOTING'];
    for (const from of working) for (const to of working) assert.equal(from === to || mayFollow(from, to), true);
    for (const to of working) assert.equal(mayFollow('RUNNING', to), false);
  });

  it('leads from RUNNING off and on again, and back to the fetching from nowhere on that way', () => {
    const way: Phase[] = ['RUNNING', 'STOPPING', 'STOPPED', 'BOOTING', 'RUNNING'];
    way.slice(1).forEach((to, i) => assert.ok(mayFollow(way[i] ?? 'FAILED', to), to));
    for (const from of ['RUNNING', 'STOPPING', 'STOPPED'] as const) assert.equal(mayFollow(from, 'FETCHING'), false);
    assert.equal(mayFollow('ACCEPTED', 'STOPPED'), false);
  });

  it('lets an agent be further on than a row that was put back to an earlier moment, wherever it had not run', () => {
    for (const from of ['ACCEPTED', 'FETCHING', 'PERSONALIZING', 'BOOTING'] as const) {
      for (const to of ['BOOTING', 'RUNNING'] as const) assert.ok(from === to || mayFollow(from, to), `${from} ${to}`);
    }
  });

  it('counts STOPPED as an outcome only while the cluster is wished off', () => {
    const desired = { computes: 0, cpusPerCompute: 1, generation: 2 };
    assert.equal(isOutcome({ phase: 'STOPPED', desired: { ...desired, power: 'off' } }), true);
    assert.equal(isOutcome({ phase: 'STOPPED', desired: { ...desired, power: 'on' } }), false);
    assert.equal(isOutcome({ phase: 'STOPPED', desired: { ...desired, power: 'destroyed' } }), false);
    assert.equal(isOutcome({ phase: 'RUNNING', desired: { ...desired, power: 'off' } }), false);
  });

  it('counts RUNNING as an outcome only while the cluster is wished for', () => {
    const desired = { computes: 0, cpusPerCompute: 1, generation: 2 };
    assert.equal(isOutcome({ phase: 'RUNNING', desired: { ...desired, power: 'on' } }), true);
    assert.equal(isOutcome({ phase: 'RUNNING', desired: { ...desired, power: 'destroyed' } }), false);
    assert.equal(isOutcome({ phase: 'FAILED', desired: { ...desired, power: 'destroyed' } }), true);
  });
});

describe('a report', () => {
  it('moves the row on and claims it for its agent', () => {
    const row = sampleDeployment();
    const { row: after, changed } = applyReport(row, report(), NOW);
    assert.equal(changed, true);
    assert.deepEqual(
      { phase: after.phase, agentId: after.agentId, version: after.version, updatedAt: after.updatedAt },
      { phase: 'FETCHING', agentId: 'agent-1', version: 2, updatedAt: NOW },
    );
  });

  it('made twice changes nothing the second time', () => {
    const once = applyReport(sampleDeployment(), report(), NOW).row;
    assert.deepEqual(applyReport(once, report(), NOW), { row: once, changed: false });
  });

  it('of progress changes the row within its phase', () => {
    const row = applyReport(sampleDeployment(), report(), NOW).row;
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 1, partsTotal: 2 };
    const { row: after, changed } = applyReport(row, report({ progress }), NOW);
    assert.equal(changed, true);
    assert.deepEqual(after.progress, progress);
    assert.equal(after.phase, 'FETCHING');
  });

  it('of progress that comes late does not move the row back', () => {
    const row = sampleDeployment({ phase: 'BOOTING', agentId: 'agent-1' });
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 1, partsTotal: 2 };
    assert.deepEqual(applyReport(row, report({ progress }), NOW), { row, changed: false });
  });

  it('fault 61, fault 62: of a past generation is superseded, of one never wished for a conflict', () => {
    const row = sampleDeployment({ desired: { power: 'destroyed', computes: 2, cpusPerCompute: 1, generation: 2 } });
    assert.throws(() => applyReport(row, report({ generation: 1 }), NOW), refused('SUPERSEDED'));
    assert.throws(() => applyReport(row, report({ generation: 3 }), NOW), refused('CONFLICT'));
  });

  it('fault 60, fault 61: of another agent is refused: a cluster is one agent’s', () => {
    const row = applyReport(sampleDeployment(), report(), NOW).row;
    assert.throws(() => applyReport(row, report({ agentId: 'agent-2' }), NOW), refused('CLAIMED_ELSEWHERE'));
  });

  it('after the end is refused', () => {
    for (const phase of ['FAILED', 'TERMINATED'] as const) {
      assert.throws(() => applyReport(sampleDeployment({ phase }), report(), NOW), refused('CONFLICT'));
    }
  });
});
