import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransferMemory } from '../../../edge-agent/transfer/memory.ts';

const MIB = 1024 * 1024;
const { signal } = new AbortController();

test('what was given back is used again', async () => {
  const memory = new TransferMemory(4 * MIB);
  const first = await memory.take(MIB, signal);
  first.bytes.fill('x');
  first[Symbol.dispose]();
  using again = await memory.take(1000, signal);
  assert.equal(again.bytes.length, 1000);
  assert.equal(again.bytes.toString('latin1', 0, 3), 'xxx', 'it is the same memory');
});

test('beyond the limit one waits, in order, until there is room', async () => {
  const memory = new TransferMemory(4 * MIB);
  const held = await memory.take(3 * MIB, signal);
  const order: string[] = [];
  const large = memory.take(2 * MIB, signal).then((piece) => {
    order.push('large');
    return piece;
  });
  const small = memory.take(MIB, signal).then((piece) => {
    order.push('small');
    return piece;
  });
  await Promise.resolve();
  assert.deepEqual(order, [], 'the small one does not overtake');
  held[Symbol.dispose]();
  for (const piece of await Promise.all([large, small])) piece[Symbol.dispose]();
  assert.deepEqual(order, ['large', 'small']);
});

test('pieces that are too small make room for a larger one', async () => {
  const memory = new TransferMemory(4 * MIB);
  const pieces = await Promise.all([1, 2, 3, 4].map(() => memory.take(MIB, signal)));
  for (const piece of pieces) piece[Symbol.dispose]();
  using large = await memory.take(4 * MIB, signal);
  assert.equal(large.bytes.length, 4 * MIB);
});

test('more than the limit is to be had alone', async () => {
  const memory = new TransferMemory(MIB);
  const held = await memory.take(MIB, signal);
  const waiting = memory.take(8 * MIB, signal);
  held[Symbol.dispose]();
  using large = await waiting;
  assert.equal(large.bytes.length, 8 * MIB);
});

test('whoever leaves the queue lets the next one in', async () => {
  const memory = new TransferMemory(4 * MIB);
  using held = await memory.take(3 * MIB, signal);
  const leaving = new AbortController();
  const large = memory.take(2 * MIB, leaving.signal);
  const small = memory.take(MIB, signal);
  leaving.abort(new Error('enough'));
  await assert.rejects(large, /enough/);
  (await small)[Symbol.dispose]();
  assert.equal(held.bytes.length, 3 * MIB);
  await assert.rejects(memory.take(1, leaving.signal), /enough/);
});

test('a piece that is given back twice is given back once', async () => {
  const memory = new TransferMemory(MIB);
  const piece = await memory.take(MIB, signal);
  piece[Symbol.dispose]();
  piece[Symbol.dispose]();
  using first = await memory.take(MIB, signal);
  const second = memory.take(MIB, signal);
  assert.equal(await Promise.race([second, Promise.resolve('waits')]), 'waits');
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
});
