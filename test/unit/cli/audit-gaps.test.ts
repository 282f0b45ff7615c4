import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AuditCounts, AuditSubject } from '#shared/api/audit-trail.ts';
import type { AuditRecord } from '#shared/audit.ts';
import { hasCode } from '#shared/errors.ts';
import { ulid } from 'ulid';
import { findGaps, subjectsOf } from '../../../cli/audit/find-gaps.ts';
import { readTime } from '../../../cli/audit/time-option.ts';

const SINCE = '2026-11-25T00:00:00.000Z';
const UNTIL = '2026-11-26T00:00:00.000Z';
const WITHIN = '2026-11-25T10:00:00.000Z';
const RANGE = { since: SINCE, until: UNTIL };
const born = ulid(Date.parse(WITHIN));
const older = ulid(Date.parse(SINCE) - 3_600_000);

const numbered = (id: string, ...numbers: readonly number[]): AuditRecord[] =>
  numbers.map((sequence) => ({
    ...{ auditId: `${id}-${sequence}`, at: WITHIN, actor: 'member:alice', action: 'deployment.request' },
    ...{ decision: 'allow', deploymentId: id, sequence },
  }));
const count = (id: string, records: number, updatedAt = WITHIN) => ({ id, records, updatedAt });
const gapsOf = (records: readonly AuditRecord[], counts: AuditCounts['counts'], begun: readonly AuditSubject[] = []) =>
  findGaps(records, subjectsOf(records, begun), counts, RANGE);
const missing = (id: string, first: number, last = first) => ({
  ...{ subject: 'deployment', id, first, last, kind: 'missing' },
});

void suite('gaps of the audit trail', () => {
  void test('a whole trail has none, in whatever order and however often its records come', () => {
    const records = numbered(born, 3, 1, 2, 2);
    assert.deepEqual(gapsOf(records, [count(born, 3)]), []);
  });

  void test('at the beginning, in the middle and at the end', () => {
    assert.deepEqual(gapsOf(numbered(born, 3, 6, 7), [count(born, 9)]), [
      missing(born, 1, 2),
      missing(born, 4, 5),
      missing(born, 8, 9),
    ]);
  });

  void test('what began before the time that was asked for begins later', () => {
    assert.deepEqual(gapsOf(numbered(older, 4, 6), [count(older, 6)]), [missing(older, 5)]);
  });

  void test('what may still be on its way is not missing', () => {
    const young = '2026-11-25T23:50:00.000Z';
    assert.deepEqual(gapsOf(numbered(born, 1), [count(born, 2, young)]), []);
    assert.deepEqual(gapsOf(numbered(born, 1, 3), [count(born, 3, young)]), [missing(born, 2)]);
  });

  void test('of a row that is forgotten only gaps between records are seen', () => {
    assert.deepEqual(gapsOf(numbered(born, 1, 3), []), [missing(born, 2)]);
  });

  void test('of what began, and of which nothing is left, everything is missing', () => {
    const begun = [{ subject: 'deployment', id: born } as const];
    assert.deepEqual(gapsOf([], [count(born, 2)], begun), [missing(born, 1, 2)]);
    assert.deepEqual(gapsOf(numbered(born, 1, 2), [count(born, 2)], begun), []);
    assert.deepEqual(gapsOf([], [], begun), [missing(born, 1)], 'nor of its row');
    const young = [{ subject: 'deployment', id: ulid(Date.parse(UNTIL) - 60_000) } as const];
    assert.deepEqual(gapsOf([], [], young), [], 'its first record may be on its way');
  });

  void test('two records under one number are forged', () => {
    const [record] = numbered(born, 1);
    assert.ok(record);
    assert.deepEqual(gapsOf([record, { ...record, auditId: 'other' }], [count(born, 1)]), [
      { subject: 'deployment', id: born, first: 1, last: 1, kind: 'forged' },
    ]);
  });

  void test('warmings are numbered, too; refusals and what is about neither are not', () => {
    const [record] = numbered(born, 1);
    assert.ok(record);
    const neither = { ...record, deploymentId: undefined };
    const refused = { ...record, decision: 'deny', sequence: undefined, deploymentId: older } as const;
    const warming = { ...neither, warmingId: born };
    assert.deepEqual(subjectsOf([warming, warming, refused, neither], []), [{ subject: 'warming', id: born }]);
  });
});

void suite('a time', () => {
  const now = new Date('2026-11-25T12:00:00.000Z');
  for (const [text, moment] of [
    ['90s', '2026-11-25T11:58:30.000Z'],
    ['45m', '2026-11-25T11:15:00.000Z'],
    ['2h', '2026-11-25T10:00:00.000Z'],
    ['7d', '2026-11-18T12:00:00.000Z'],
    ['2026-11-24', '2026-11-24T00:00:00Z'],
    ['2026-11-24T10:00:00Z', '2026-11-24T10:00:00Z'],
  ] as const) {
    void test(`${text} is ${moment}`, () => {
      assert.equal(readTime(text, '--since', now), moment);
    });
  }
  for (const text of [
    '',
    'yesterday',
    '2',
    'h',
    '-2h',
    '2026-13-01',
    '2026-02-30',
    '99999999h',
    '2026-11-24T10:00:00',
  ]) {
    void test(`${JSON.stringify(text)} is none`, () => {
      assert.throws(
        () => readTime(text, '--since', now),
        (error) => hasCode(error, 'USAGE'),
      );
    });
  }
});
