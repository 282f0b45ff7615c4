/** Nothing that somebody else wrote reaches the terminal's own language. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDeployment, deploymentTable } from '../../../cli/deployment-text.ts';
import { fields, table } from '../../../cli/output.ts';
import { visibleLine, visibleText } from '#shared/terminal/visible-text.ts';
import { sampleDeployment } from '../../helpers/model-samples.ts';

const UNSAFE = /[^\P{Cc}\n]|[\u2028\u2029\u202e]/u;

for (const [what, text, expected] of [
  ['escape sequences', 'a\u001b[31mb', 'a\\u001b[31mb'],
  ['line breaks and returns', 'a\r\nb', 'a\\u000d\\u000ab'],
  ['8-bit control characters', 'a\u009b31m', 'a\\u009b31m'],
  ['reversed writing', 'a\u202etxt.exe', 'a\\u202etxt.exe'],
  ['half a character', 'a\ud800', 'a\\ud800'],
  ['tabs', 'a\tb', 'a b'],
] as const) {
  test(`one line shows ${what}`, () => assert.equal(visibleLine(text), expected));
}

test('other scripts and pictures stay as they are', () => assert.equal(visibleLine('奈良 ñ 🚀'), '奈良 ñ 🚀'));

test('line breaks of a text stay, indented', () => {
  assert.equal(visibleText('one\r\ntwo\u0007\n', '  '), 'one\n  two\\u0007');
});

test('columns stay aligned, and a cell cannot begin a row of its own', () => {
  const lines = table([
    ['A', 'B'],
    ['x\ny', '1'],
    ['z', '2'],
  ]).split('\n');
  assert.deepEqual(lines, ['A         B', 'x\\u000ay  1', 'z         2']);
});

test('a value of several lines stands beside its label', () => {
  assert.equal(
    fields([
      ['site', 'x'],
      ['failed', 'one\ntwo'],
    ]),
    'site    x\nfailed  one\n        two',
  );
});

test('a deployment with hostile texts of an agent is harmless', () => {
  const deployment = sampleDeployment({
    phase: 'FAILED',
    nodes: [{ name: 'n\u001b]0;title\u0007', role: 'frontend', privateAddress: '10.0.0.1' }],
    failure: {
      code: 'BOOT_TIMEOUT',
      message: 'console:\n\u001b[2Jgone\nphase       RUNNING',
      remedy: '\u001b[8mhidden',
    },
  });
  for (const text of [describeDeployment(deployment), deploymentTable([deployment])]) assert.doesNotMatch(text, UNSAFE);
  const lines = describeDeployment(deployment).split('\n');
  assert.equal(lines.filter((line) => line.startsWith('phase')).length, 1);
});
