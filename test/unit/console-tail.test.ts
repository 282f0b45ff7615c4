import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONSOLE_TAIL_BYTES, createConsoleTail, escapeControls } from '../../edge-agent/core/console-tail.ts';

test('keeps only the end, whatever a guest writes', () => {
  const tail = createConsoleTail();
  tail.append(Buffer.from('the beginning\n'));
  tail.append(Buffer.alloc(10 * CONSOLE_TAIL_BYTES, 'x'));
  tail.append(Buffer.from('\nthe end\n'));
  const text = tail.text(10);
  assert.ok(text.length <= CONSOLE_TAIL_BYTES);
  assert.doesNotMatch(text, /the beginning/);
  assert.match(text, /the end$/);
});

test('gives the last lines that hold something', () => {
  const tail = createConsoleTail();
  tail.append(Buffer.from('one\r\n\r\ntwo\r\nthr'));
  tail.append(Buffer.from('ee\r\n'));
  assert.equal(tail.text(2), 'two\nthree');
});

test('nothing is left that a terminal would act upon', () => {
  assert.equal(escapeControls('\u001b[2Jgone\u0007 \u009b1m\u202eabc\n'), '\\x1b[2Jgone\\x07 \\x9b1m\\x202eabc\n');
});
