/** The tables of the experiment: rows of cells, whoever prints them. Pure. */
import { spreadOf } from '../report/statistics.ts';
import type { ChartPoint } from './chart.ts';
import type { RunningTime } from './running-time.ts';
import { METHODS, type Method, SITUATIONS } from './sample.ts';

type Cells = readonly (readonly string[])[];

interface Place {
  readonly site: string;
  readonly situation: string;
  readonly method: Method;
}

/** Medians and extremes of all hours, in MB/s. */
export function rateCells(points: readonly ChartPoint[]): Cells {
  const cells = (chosen: readonly ChartPoint[]): string => {
    const { median, min, max } = spreadOf(chosen.map(({ megabytesPerSecond }) => megabytesPerSecond));
    return `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`;
  };
  return byPlace('MB/s', points, cells);
}

/** Seconds from the request to RUNNING, and of the transfer within it. */
export function runningCells(times: readonly RunningTime[]): Cells {
  return byPlace('s to RUNNING (transfer)', times, (chosen) =>
    chosen.map((time) => `${time.runningSeconds.toFixed(1)} (${time.transferSeconds.toFixed(1)})`).join(', '),
  );
}

/** A line for each site and situation, a column for each method. */
function byPlace<T extends Place>(unit: string, values: readonly T[], cell: (chosen: readonly T[]) => string): Cells {
  const rows = [...new Set(values.map(({ site }) => site))].flatMap((site) =>
    SITUATIONS.flatMap((situation) => {
      const here = values.filter((value) => value.site === site && value.situation === situation);
      if (here.length === 0) return [];
      return [[site, situation, ...METHODS.map((method) => cell(here.filter((value) => value.method === method)))]];
    }),
  );
  return [['', '', ...METHODS.map((method) => `${method}, ${unit}`)], ...rows];
}
