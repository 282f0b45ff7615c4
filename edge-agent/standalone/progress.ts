/** What a person sees of a boot, on standard error: the steps, notices, and a bar for the transfer where that is a terminal. */
import { SingleBar } from 'cli-progress';
import type { Told } from './boot.ts';

export interface ShownProgress extends Told {
  stop(): void;
}

export function showProgress(stream: NodeJS.WriteStream): ShownProgress {
  const say = (line: string): void => void stream.write(`${line}\n`);
  let bar: SingleBar | undefined;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    stop,
    onStep: (step) => {
      stop();
      say(`${step} …`);
    },
    onNotice: (notice) => {
      stop();
      say(notice);
    },
    onProgress: ({ fetchedBytes, totalBytes }) => {
      if (!stream.isTTY) return;
      if (bar === undefined) {
        bar = new SingleBar({ stream, format: '  {bar} {percentage}%  {value} of {total} MB  {eta_formatted}' });
        bar.start(toMegabytes(totalBytes), 0);
      }
      bar.setTotal(toMegabytes(totalBytes));
      bar.update(toMegabytes(fetchedBytes));
    },
  };
}

const toMegabytes = (bytes: number): number => Math.round(bytes / 1e6);
