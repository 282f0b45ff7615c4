/** What goes out together, in which order, and what each reporter is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SiteReport } from '#shared/api/agents.ts';
import { MAX_BODY_BYTES } from '#shared/api/limits.ts';
import type { Phase } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { ulid } from 'ulid';
import { ReportBatches } from '../../edge-agent/adapters/report-batches.ts';
import { code } from '../helpers/control-plane.ts';

const NEVER = new AbortController().signal;

interface Sent {
  readonly reports: readonly SiteReport[];
  readonly signal: AbortSignal;
  /** With the error of each report, in their order; those beyond are taken. */
  answer(...errors: (EdgebootError | undefined)[]): void;
  fail(error: Error): void;
}

/** An API that answers when it is told to. */
function slowApi() {
  const sent: Sent[] = [];
  let tell = Promise.withResolvers<Sent>();
  const batches = new ReportBatches((reports, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly (EdgebootError | undefined)[]>();
    signal.addEventListener('abort', () => reject(signal.reason as Error));
    const request: Sent = { reports, signal, answer: (...errors) => resolve(errors), fail: reject };
    sent.push(request);
    tell.resolve(request);
    tell = Promise.withResolvers();
    return promise;
  });
  /** Resolves with the next request that is sent. */
  const next = (): Promise<Sent> => tell.promise;
  return { batches, sent, next };
}

let sequence = 0;
const phaseOf = (deploymentId: string, phase: Phase): SiteReport => ({
  deploymentId,
  report: { sequence: sequence++, generation: 1, phase, agentId: 'a' },
});
const progress = (bytesFetched: number) => ({ bytesFetched, bytesTotal: 9, partsFetched: 0, partsTotal: 1 });
const progressOf = (deploymentId: string, bytes: number): SiteReport => ({
  deploymentId,
  report: { sequence: sequence++, generation: 1, phase: 'FETCHING', agentId: 'a', progress: progress(bytes) },
});
const warmingOf = (warmingId: string, bytes: number): SiteReport => ({
  warmingId,
  report: { phase: 'FETCHING', progress: progress(bytes) },
});

describe('reports of an agent', () => {
  it('go at once where nothing is under way; what comes meanwhile goes together, in order, of progress the newest', async () => {
    const { batches, sent, next } = slowApi();
    const [one, other, warming] = [ulid(), ulid(), ulid()];
    const said = [
      phaseOf(other, 'FETCHING'),
      progressOf(one, 1),
      warmingOf(warming, 1),
      progressOf(one, 2),
      phaseOf(one, 'PERSONALIZING'),
      progressOf(other, 3),
      warmingOf(warming, 4),
    ];
    const first = phaseOf(one, 'FETCHING');
    const added = [first, ...said].map((report) => batches.add(report, NEVER));
    assert.deepEqual(sent[0]?.reports, [first]);
    const second = next();
    sent[0].answer();
    await added[0];
    assert.deepEqual(
      (await second).reports,
      [0, 3, 4, 5, 6].map((i) => said[i]),
      'the progress that was overtaken is left out, no phase is',
    );
    (await second).answer();
    await Promise.all(added);
    assert.equal(sent.length, 2);
  });

  it('are told each its own result', async () => {
    const { batches, sent, next } = slowApi();
    const first = batches.add(phaseOf(ulid(), 'FETCHING'), NEVER);
    const others = ['SUPERSEDED', undefined, 'CLAIMED_ELSEWHERE'] as const;
    const outcomes = Promise.allSettled(others.map(() => batches.add(phaseOf(ulid(), 'BOOTING'), NEVER)));
    const second = next();
    sent[0]?.answer();
    await first;
    (await second).answer(...others.map((each) => each && new EdgebootError(each, 'refused')));
    assert.deepEqual(
      (await outcomes).map((one) => (one.status === 'rejected' ? (one.reason as EdgebootError).code : undefined)),
      others,
    );
  });

  it('that went with a request that failed fail with it; those that wait are sent', async () => {
    const { batches, sent, next } = slowApi();
    const deploymentId = ulid();
    const failed = batches.add(progressOf(deploymentId, 1), NEVER);
    const waiting = batches.add(progressOf(deploymentId, 2), NEVER);
    const second = next();
    sent[0]?.fail(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await assert.rejects(failed, code('SERVICE_UNAVAILABLE'));
    (await second).answer();
    await waiting;
  });

  it('are so many in a request as it takes, by number and by size', async () => {
    const { batches, sent, next } = slowApi();
    const added = [batches.add(phaseOf(ulid(), 'FETCHING'), NEVER)];
    for (let i = 0; i < 33; i++) added.push(batches.add(phaseOf(ulid(), 'FETCHING'), NEVER));
    const nodes = Array.from({ length: 1001 }, (_, i) => ({
      ...{ name: `${'compute-'.repeat(6)}${i}`, role: 'compute' as const, privateAddress: '10.1.255.254' },
    }));
    for (let i = 0; i < 4; i++) {
      const { deploymentId, report } = phaseOf(ulid(), 'RUNNING') as Extract<SiteReport, { deploymentId: string }>;
      added.push(batches.add({ deploymentId, report: { ...report, nodes } }, NEVER));
    }
    for (let request = sent[0]; request;) {
      const following = added.length > sent.reduce((sum, { reports }) => sum + reports.length, 0) ? next() : undefined;
      request.answer();
      request = await following;
    }
    await Promise.all(added);
    assert.deepEqual(
      sent.map(({ reports }) => reports.length),
      [1, 32, 3, 2],
    );
    for (const { reports } of sent) assert.ok(JSON.stringify({ reports }).length <= MAX_BODY_BYTES);
  });

  it('that nobody waits for any more are not sent; a request is given up when all of its reporters have gone', async () => {
    const { batches, sent, next } = slowApi();
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()];
    const gone = new EdgebootError('SHUTDOWN', 'stopped');
    const first = batches.add(phaseOf(ulid(), 'FETCHING'), one.signal);
    const reports = [two, three].map(({ signal }) => batches.add(phaseOf(ulid(), 'BOOTING'), signal));
    const never = new AbortController();
    const unsent = batches.add(phaseOf(ulid(), 'BOOTING'), never.signal);
    never.abort(gone);
    await assert.rejects(unsent, code('SHUTDOWN'));
    const second = next();
    one.abort(gone);
    await assert.rejects(first, code('SHUTDOWN'));
    assert.equal(sent[0]?.signal.aborted, true);
    const { signal, reports: sentTogether } = await second;
    assert.equal(sentTogether.length, 2);
    two.abort(gone);
    await assert.rejects(reports[0] ?? assert.fail(), code('SHUTDOWN'));
    assert.equal(signal.aborted, false, 'somebody still waits');
    three.abort(gone);
    await assert.rejects(reports[1] ?? assert.fail(), code('SHUTDOWN'));
    assert.equal(signal.aborted, true);
  });

  it('that are malformed are refused before they go with others', async () => {
    const { batches, sent } = slowApi();
    const { deploymentId, report } = phaseOf(ulid(), 'FAILED') as Extract<SiteReport, { deploymentId: string }>;
    const failure = { code: 'BOOT_TIMEOUT', message: 'x'.repeat(5000), remedy: 'Look.' };
    await assert.rejects(batches.add({ deploymentId, report: { ...report, failure } }, NEVER), { name: 'ZodError' });
    assert.equal(sent.length, 0);
  });
});
