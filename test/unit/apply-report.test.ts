import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyReport, type Report } from '#shared/apply-report.ts';
import { isOutcome, isTerminal, mayFollow, type Phase, PHASES } from '#shared/deployment.ts';
import { sampleDeployment } from '../helpers/model-samples.ts';

const NOW = '2026-11-23T09:00:00.000Z';
const LATER = '2026-11-23T09:00:10.000Z';
const LATEST = '2026-11-23T09:00:20.000Z';
const report = (changes: Partial<Report> = {}): Report => ({
  sequence: 1,
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

  it('that is not newer than the last changes nothing: a late one moves nothing back, one of an agent that begins anew does', () => {
    const phases = ['FETCHING', 'PERSONALIZING', 'BOOTING'] as const;
    const said = phases.map((phase, i) => report({ phase, sequence: 10 + i }));
    const booting = said.reduce((row, one) => applyReport(row, one, NOW).row, sampleDeployment());
    assert.deepEqual([booting.phase, booting.reportSequence], ['BOOTING', 12]);
    for (const late of said) {
      assert.deepEqual(applyReport(booting, late, NOW), { row: booting, changed: false });
    }
    const anew = applyReport(booting, report({ sequence: 13 }), NOW);
    assert.deepEqual([anew.changed, anew.row.phase], [true, 'FETCHING']);
    const late = report({ phase: 'RUNNING', sequence: 12 });
    assert.deepEqual(applyReport(anew.row, late, NOW), { row: anew.row, changed: false });
  });

  it('that says what the row says already is remembered by its number', () => {
    const row = applyReport(sampleDeployment(), report({ sequence: 5 }), NOW).row;
    const again = applyReport(row, report({ sequence: 9 }), LATER).row;
    assert.deepEqual(again, { ...row, reportSequence: 9, version: row.version + 1 });
    const late = report({ phase: 'PERSONALIZING', sequence: 8 });
    assert.deepEqual(applyReport(again, late, LATER), { row: again, changed: false });
  });

  it('has the row come on where it moves phase or bytes', () => {
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 1, partsTotal: 2 };
    let row = sampleDeployment({ progressedAt: '2026-11-23T07:00:00.000Z' });
    const cameOnAt = (changes: Partial<Report>, now: string) => {
      row = applyReport(row, report({ sequence: (row.reportSequence ?? 0) + 1, ...changes }), now).row;
      return row.progressedAt;
    };
    assert.equal(cameOnAt({}, NOW), NOW);
    assert.equal(cameOnAt({}, LATER), NOW);
    assert.equal(cameOnAt({ progress }, LATER), LATER);
    assert.equal(cameOnAt({ progress }, LATEST), LATER);
    // Of what other agents of the site give, only less is left to fetch.
    assert.equal(cameOnAt({ progress: { ...progress, bytesTotal: 1 } }, LATEST), LATEST);
  });

  it('of progress changes the row within its phase', () => {
    const row = applyReport(sampleDeployment(), report(), NOW).row;
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 1, partsTotal: 2 };
    const { row: after, changed } = applyReport(row, report({ progress, sequence: 2 }), NOW);
    assert.equal(changed, true);
    assert.deepEqual(after.progress, progress);
    assert.equal(after.phase, 'FETCHING');
  });

  it('of progress says nothing else: what a cluster consumed is counted where its phase changes', () => {
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 1, partsTotal: 2 };
    const node = { name: 'frontend', role: 'frontend', privateAddress: '10.1.1.1' } as const;
    const running = applyReport(sampleDeployment(), report({ phase: 'RUNNING', nodes: [node] }), NOW).row;
    const said = report({ phase: 'RUNNING', sequence: 2, progress, nodes: [node, { ...node, name: 'other' }] });
    const { runningSince, nodes } = applyReport(running, said, LATER).row;
    assert.deepEqual({ runningSince, nodes }, { runningSince: NOW, nodes: [node] });
  });

  it('of progress that comes late does not move the row back', () => {
    const row = sampleDeployment({ phase: 'BOOTING', agentId: 'agent-1' });
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 1, partsTotal: 2 };
    const after = { ...row, reportSequence: 1, version: row.version + 1 };
    assert.deepEqual(applyReport(row, report({ progress }), NOW), { row: after, changed: true });
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
