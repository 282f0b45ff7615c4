/** A worker thread of the pool: unpacks what it is sent, one answer at a time. See unpack-pool.ts for the messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { EdgebootError } from '#shared/errors.ts';
import { createUnpacker } from './unpack-frames.ts';
import type { UnpackReply, UnpackTask } from './disk-workers.ts';

const unpack = createUnpacker();
const stopFlag = new Int32Array(workerData as SharedArrayBuffer);
const mayGoOn = (): boolean => Atomics.load(stopFlag, 0) === 0;

parentPort?.on('message', (task: UnpackTask) => {
  const reply = run(task);
  // Frees the compressed bytes at once; the garbage collector would let many pile up.
  if (task.bytes.buffer instanceof ArrayBuffer) task.bytes.buffer.transfer(0);
  parentPort?.postMessage(reply);
});

function run(task: UnpackTask): UnpackReply {
  try {
    unpack(task, mayGoOn);
    return { taskId: task.taskId };
  } catch (error) {
    if (error instanceof EdgebootError) {
      const { code, message, remedy } = error;
      return { taskId: task.taskId, failure: { code, message, remedy } };
    }
    return { taskId: task.taskId, failure: { cause: error } };
  }
}
