/** Usage summed up by member, site or image, with what it costs at the prices that are given. Pure. */
import { type Consumption, type ConsumptionRow, sumConsumption } from '#shared/api/usage.ts';

export const GROUPINGS = ['member', 'site', 'image'] as const;
export type Grouping = (typeof GROUPINGS)[number];

export interface Prices {
  /** Of 10^9 bytes from an edge, in US dollars. */
  readonly perGigabyte: number;
  /** Of an hour of a node, in US dollars: what the site takes for it. */
  readonly perNodeHour: number;
}

export type UsageSum = Consumption & { readonly name: string; readonly costUsd: number };

const nameOf: Readonly<Record<Grouping, (row: ConsumptionRow) => string>> = {
  member: ({ memberId }) => memberId,
  site: ({ siteId }) => siteId,
  image: ({ imageName }) => imageName,
};

/** The dearest first. */
export function summarizeUsage(rows: readonly ConsumptionRow[], by: Grouping, prices: Prices): readonly UsageSum[] {
  return [...Map.groupBy(rows, nameOf[by])]
    .map(([name, all]) => ({ ...sumConsumption(all), name }))
    .map((sum) => ({ ...sum, costUsd: costOf(sum, prices) }))
    .sort((a, b) => b.costUsd - a.costUsd || (a.name < b.name ? -1 : 1));
}

const costOf = ({ bytesFetched, nodeSeconds }: Consumption, { perGigabyte, perNodeHour }: Prices): number =>
  (bytesFetched / 1e9) * perGigabyte + (nodeSeconds / 3600) * perNodeHour;
