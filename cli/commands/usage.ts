/** `edgeboot usage`: what was fetched, what ran, and what it cost about. */
import { Command, Option } from 'commander';
import type { ApiClient } from '#shared/api-client.ts';
import { DEAREST_EDGE_GIGABYTE_USD, EDGE_GIGABYTE_USD, PRICE_LIST } from '#shared/aws-prices.ts';
import { type ConsumptionRow, MONTH, usageResponse } from '#shared/api/usage.ts';
import { EdgebootError } from '#shared/errors.ts';
import { formatBytes, printData, say, table } from '../output.ts';
import { openApi } from '../session.ts';
import { type Grouping, GROUPINGS, summarizeUsage, type UsageSum } from '../usage/summarize-usage.ts';

interface UsageOptions {
  readonly month?: string;
  readonly by: Grouping;
  readonly member?: string;
  readonly site?: string;
  readonly everybody?: true;
  readonly gbPrice: string;
  readonly nodeHourPrice: string;
}

export function usageCommand(): Command {
  return new Command('usage')
    .description('What was fetched and what ran in a month, and about what it cost.')
    .option('--month <month>', 'YYYY-MM, in UTC; this month unless given')
    .addOption(new Option('--by <what>', 'summed up by').choices(GROUPINGS).default('image'))
    .addOption(
      new Option('--site <site>', "for operators of the site: everybody's there").conflicts(['member', 'everybody']),
    )
    .addOption(new Option('--member <member>', "for federation operators: another member's").conflicts('everybody'))
    .option('--everybody', "for federation operators: everybody's")
    .option('--gb-price <usd>', `of a GB from an edge; ${listPrices()}`, String(DEAREST_EDGE_GIGABYTE_USD))
    .option('--node-hour-price <usd>', 'of an hour of a node, where the site takes something for it', '0')
    .action(usage);
}

async function usage(options: UsageOptions, command: Command): Promise<void> {
  const { month, by, member, site, everybody } = options;
  if (month !== undefined && !MONTH.safeParse(month).success) {
    throw new EdgebootError('USAGE', `--month must be YYYY-MM, not ${JSON.stringify(month)}`);
  }
  const prices = {
    perGigabyte: readPrice(options.gbPrice, '--gb-price'),
    perNodeHour: readPrice(options.nodeHourPrice, '--node-hour-price'),
  };
  const query = {
    ...(month !== undefined && { month }),
    ...(member !== undefined && { memberId: member }),
    ...(site !== undefined && { siteId: site }),
    ...(everybody && { everybody: 'true' }),
  };
  const answer = await readUsage(await openApi(), query);
  const sums = summarizeUsage(answer.rows, by, prices);
  printData(command, { month: answer.month, by, prices, usage: sums }, () => usageTable(by, sums));
  say(`${answer.month}, in UTC. Clusters that still run are counted until now.`);
  say(`A GB from an edge is taken for ${prices.perGigabyte} USD (${listPrices()}).`);
}

function listPrices(): string {
  const places = Object.entries(EDGE_GIGABYTE_USD).map(([place, usd]) => `${usd} in ${place}`);
  return `AWS's list price of ${PRICE_LIST.month}: ${places.join(', ')}`;
}

async function readUsage(api: ApiClient, query: Readonly<Record<string, string>>) {
  const rows: ConsumptionRow[] = [];
  let next: string | undefined;
  let month: string;
  do {
    const page = await api.call({
      ...{ method: 'GET', path: '/v1/usage', answer: usageResponse },
      query: { ...query, ...(next !== undefined && { next }) },
    });
    rows.push(...page.usage);
    ({ next, month } = page);
  } while (next !== undefined);
  return { rows, month };
}

/** Throws USAGE. */
function readPrice(text: string, option: string): number {
  if (/^\d{1,6}(?:\.\d{1,6})?$/.test(text)) return Number(text);
  throw new EdgebootError('USAGE', `${option} must be a price in US dollars, not ${JSON.stringify(text)}`);
}

function usageTable(by: Grouping, sums: readonly UsageSum[]): string {
  const hours = (seconds: number): string => (seconds / 3600).toFixed(1);
  const heading = [by.toUpperCase(), 'CLUSTERS', 'WARMINGS', 'FETCHED', 'CLUSTER HOURS', 'NODE HOURS', 'ABOUT USD'];
  return table([
    heading,
    ...sums.map((sum) => [
      ...[sum.name, String(sum.clusters), String(sum.warmings), formatBytes(sum.bytesFetched)],
      ...[hours(sum.clusterSeconds), hours(sum.nodeSeconds), sum.costUsd.toFixed(2)],
    ]),
  ]);
}
