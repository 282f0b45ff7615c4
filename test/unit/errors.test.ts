import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { EdgebootError, ERROR_KINDS, hasCode, isErrorCode } from '#shared/errors.ts';
import { problemOf } from '../../functions/http/problem.ts';

describe('the table of errors', () => {
  it('is in docs/errors.md, row by row', async () => {
    const document = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const rows = document
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter(([, code = '']) => isErrorCode(code))
      .map((cells) => cells.slice(1, 6));
    const expected = Object.entries(ERROR_KINDS).map(([code, { disposition, httpStatus, exitCode, remedy }]) => [
      code,
      disposition,
      String(httpStatus),
      String(exitCode),
      remedy,
    ]);
    assert.deepEqual(rows, expected);
  });

  it('keeps exit codes to those of sysexits.h, and HTTP statuses to errors', () => {
    for (const [code, { exitCode, httpStatus }] of Object.entries(ERROR_KINDS)) {
      assert.ok((exitCode >= 64 && exitCode <= 78) || exitCode === 130, code);
      assert.ok(httpStatus >= 400 && httpStatus <= 599, code);
    }
  });
});

describe('an error', () => {
  it('is told by its code, never by its text', () => {
    const error = new EdgebootError('DISK_FULL', 'FORBIDDEN');
    assert.equal(hasCode(error, 'DISK_FULL'), true);
    assert.equal(hasCode(error, 'FORBIDDEN'), false);
    assert.equal(hasCode(Object.assign(new Error('x'), { code: 'DISK_FULL' }), 'DISK_FULL'), false);
    assert.equal(error.disposition, 'reject');
    assert.equal(error.remedy, ERROR_KINDS.DISK_FULL.remedy);
  });

  it('of ours leaves the API with its code and remedy, one of others without its inside', () => {
    const ours = problemOf(new EdgebootError('NO_CAPACITY', 'full', { remedy: 'wait' }), 'r-1');
    assert.deepEqual(
      { status: ours.status, code: ours.code, detail: ours.detail, remedy: ours.remedy, requestId: ours.requestId },
      { status: 409, code: 'NO_CAPACITY', detail: 'full', remedy: 'wait', requestId: 'r-1' },
    );
    const theirs = problemOf(new Error('the password is hunter2'), 'r-2');
    assert.equal(theirs.status, 500);
    assert.doesNotMatch(JSON.stringify(theirs), /hunter2/);
  });
});
