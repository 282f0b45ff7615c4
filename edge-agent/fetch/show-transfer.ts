/** What a person sees of a fetch, on standard error: a bar where that is a terminal, otherwise a line now and then. */
import { SingleBar } from 'cli-progress';
import { formatBytes } from '#shared/terminal/columns.ts';
import type { TransferReport } from '../transfer/transfer-report.ts';

const LINE_INTERVAL_SECONDS = 5;
/** The rate that is shown is that of the last seconds. */
const RATE_SECONDS = 3;

export interface ShownTransfer {
  readonly onNotice: (notice: string) => void;
  readonly onProgress: (report: TransferReport) => void;
  stop(): void;
}

export function showTransfer(stream: NodeJS.WriteStream): ShownTransfer {
  const say = (line: string): void => void stream.write(`${line}\n`);
  const begin = performance.now() / 1000;
  let bar: SingleBar | undefined;
  let saidAt = begin;
  let samples: { readonly seconds: number; readonly bytes: number }[] = [];
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    stop,
    onNotice: (notice) => {
      stop();
      say(notice);
    },
    onProgress: (report) => {
      const now = performance.now() / 1000;
      samples = [
        ...samples.filter(({ seconds }) => seconds >= now - RATE_SECONDS),
        { seconds: now, bytes: report.fetchedBytes },
      ];
      const [oldest = { seconds: begin, bytes: 0 }] = samples.length > 1 ? samples : [];
      const rate = (report.fetchedBytes - oldest.bytes) / Math.max(0.001, now - oldest.seconds);
      const words = describeTransfer(report, rate);
      if (stream.isTTY) {
        if (bar === undefined) {
          bar = new SingleBar({ stream, format: '{bar} {percentage} %  {words}', hideCursor: true });
          bar.start(report.totalBytes, 0, { words });
        }
        bar.setTotal(report.totalBytes);
        bar.update(report.fetchedBytes, { words });
      } else if (now - saidAt >= LINE_INTERVAL_SECONDS) {
        saidAt = now;
        say(`${percentOf(report)} %  ${words}`);
      }
    },
  };
}

/** `312.4 MB of 668.7 MB, 118 parts, 96.1 MB/s, 4 s left, NRT57-C1 87 % hits` */
export function describeTransfer(report: TransferReport, bytesPerSecond: number): string {
  const { fetchedBytes, totalBytes, fetchedObjects } = report;
  const left = bytesPerSecond > 0 ? `${Math.ceil((totalBytes - fetchedBytes) / bytesPerSecond)} s left` : undefined;
  const bytes = `${formatBytes(fetchedBytes)} of ${formatBytes(totalBytes)}`;
  const words = [bytes, `${fetchedObjects} parts`, `${formatBytes(bytesPerSecond)}/s`, left, describeEdges(report)];
  return words.filter((word) => word !== undefined && word !== '').join(', ');
}

/** Edge locations, and how much of what they told about was a hit; empty where no edge is in the way. */
export function describeEdges({ edges }: Pick<TransferReport, 'edges'>): string {
  const named = edges.flatMap(({ edgeLocation }) => edgeLocation ?? []);
  const hits = edges.reduce((sum, edge) => sum + edge.hits, 0);
  const told = edges.reduce((sum, edge) => sum + edge.hits + edge.misses, 0);
  return [named.join(' + '), ...(told > 0 ? [`${Math.round((100 * hits) / told)} % hits`] : [])]
    .filter(Boolean)
    .join(' ');
}

const percentOf = ({ fetchedBytes, totalBytes }: TransferReport): number =>
  totalBytes === 0 ? 100 : Math.floor((100 * fetchedBytes) / totalBytes);
