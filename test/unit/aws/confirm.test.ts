import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { confirm } from '../../aws/confirm.ts';

const never = () => new AbortController().signal;
const terminal = (typed: string | undefined, isTTY = true) => {
  const input = Object.assign(new PassThrough(), { isTTY });
  if (typed !== undefined) input.end(typed);
  return { input, output: new PassThrough() };
};

test('goes on after yes, and shows what was asked', async () => {
  const { input, output } = terminal('yes\n');
  await confirm('Do it?', false, never(), { input, output });
  output.end();
  assert.match(await text(output), /Do it\?/);
  await confirm('Do it?', true, never(), terminal(undefined, false));
});

test('does not go on after anything else, an end of input, or where nobody is there', async () => {
  for (const typed of ['y\n', '\n', 'no\n', '']) {
    await assert.rejects(confirm('Do it?', false, never(), terminal(typed)), (error) => hasCode(error, 'CANCELED'));
  }
  const absent = confirm('Do it?', false, never(), terminal('yes\n', false));
  await assert.rejects(absent, (error) => hasCode(error, 'USAGE'));
});

test('ends with the reason of a stop', async () => {
  const stop = new AbortController();
  const asking = confirm('Do it?', false, stop.signal, terminal(undefined));
  const reason = new Error('stopped');
  stop.abort(reason);
  await assert.rejects(asking, (error) => error === reason);
});
