/** The chart: MB/s by hour, one panel for each site, as the original authors drew theirs. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { METHODS, type Method, SITUATIONS, type Situation } from './sample.ts';

export interface ChartPoint {
  readonly site: string;
  readonly hour: number;
  readonly situation: Situation;
  readonly method: Method;
  readonly megabytesPerSecond: number;
}

export interface ChartOptions {
  readonly title: string;
  readonly subtitle: string;
  readonly hourTitle: string;
}

/** @returns SVG */
export async function drawChart(points: readonly ChartPoint[], options: ChartOptions): Promise<string> {
  const sites = [...new Set(points.map(({ site }) => site))];
  const specification: TopLevelSpec = {
    title: { text: options.title, subtitle: options.subtitle, anchor: 'start' },
    data: { values: [...points] },
    facet: { row: { field: 'site', type: 'nominal', title: null, sort: sites, header: { labelFontSize: 13 } } },
    spec: {
      width: 640,
      height: 260,
      mark: { type: 'line', point: { size: 18 }, strokeWidth: 1.8 },
      encoding: {
        x: { field: 'hour', type: 'quantitative', title: options.hourTitle, axis: { tickMinStep: 1 } },
        y: {
          field: 'megabytesPerSecond',
          type: 'quantitative',
          title: 'MB/s',
          scale: { type: 'log', domain: [1, 150], nice: false },
          axis: { values: [1, 2, 5, 10, 20, 50, 100] },
        },
        color: {
          field: 'situation',
          type: 'nominal',
          title: null,
          scale: { domain: [...SITUATIONS], range: ['#555555', '#1b7837', '#c51b7d', '#2166ac'] },
        },
        strokeDash: {
          field: 'method',
          type: 'nominal',
          title: null,
          scale: {
            domain: [...METHODS],
            range: [
              [4, 3],
              [1, 0],
            ],
          },
        },
      },
    },
    config: { background: 'white', font: 'sans-serif' },
  };
  const view = new View(parse(compile(specification).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
