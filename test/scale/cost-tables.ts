/** What docs/operations.md says that it costs: a month in which nothing is deployed, and one deployment. Pure. */
import {
  EDGE_GIGABYTE_USD,
  LAMBDA_GIGABYTE_SECOND_USD,
  LOG_GIGABYTE_USD,
  MILLION_USD,
  MONTH_USD,
} from '#shared/aws-prices.ts';
import { type Measured, type Operations, operations } from './operations.ts';
import { INVOCATION_SECONDS, MEMORY_GIGABYTES, millionInvocationsUsd, usdOf } from './prices.ts';
import { ofDeployment, ofSiteAndDay } from './scale-tables.ts';

/** A mean month. */
const DAYS = 30.4167;
const SITES = 3;
const SWEEPS = 43_800;
const SWEEP_SECONDS = 0.2;
const ALARMS = 7;
const METRICS = 4;
const SECRETS = 2;
const LOG_GIGABYTES = 0.35;

const GIGABYTES = 10;
const PARTS = 1_200;

type Line = readonly [line: string, counted: string, usd: number];

const TABLE = ['readUnits', 'tableWriteUnits', 'indexWriteUnits'] as const satisfies (keyof Operations)[];
const gigabyteSecond = LAMBDA_GIGABYTE_SECOND_USD.toFixed(10);
const { apiRequests, invocations, readUnits, writeUnits, queueRequests } = MILLION_USD;
const unitPrices = `units at ${writeUnits} and ${readUnits} per million`;

/** The first row is the heading, the last one the sum. */
export function idleTable(measured: Measured): readonly (readonly string[])[] {
  const sweep = measured.get('the sweep') ?? operations({});
  const month = scaled(ofSiteAndDay(measured), DAYS * SITES);
  const sweepReads = SWEEPS * sweep.readUnits;
  return costTable(2, [
    ['alarms', `${ALARMS} × ${MONTH_USD.alarm.toFixed(2)}`, ALARMS * MONTH_USD.alarm],
    ['metrics of our own', `${METRICS} × ${MONTH_USD.metric.toFixed(2)}`, METRICS * MONTH_USD.metric],
    ['secrets', `${SECRETS} × ${MONTH_USD.secret.toFixed(2)}`, SECRETS * MONTH_USD.secret],
    [
      'the sweep',
      `${thousands(SWEEPS)} × ${SWEEP_SECONDS} s × ${MEMORY_GIGABYTES} GB × ${gigabyteSecond}, and ${invocations} per million`,
      (SWEEPS / 1e6) * millionInvocationsUsd(SWEEP_SECONDS),
    ],
    ['its reads', `${thousands(sweepReads)} units at ${readUnits} per million`, (sweepReads / 1e6) * readUnits],
    ['sites, the API', `${thousands(month.apiRequests)} at ${apiRequests} per million`, usdOf(month, ['apiRequests'])],
    [
      'sites, Lambda',
      `${thousands(month.invocations)} × ${INVOCATION_SECONDS} s × ${MEMORY_GIGABYTES} GB, and ${invocations} per million`,
      usdOf(month, ['invocations']),
    ],
    ['sites, the table', `${unitsText(month)} ${unitPrices}`, usdOf(month, [...TABLE])],
    [
      "agents' polls",
      `${thousands(month.queueRequests)} at ${queueRequests} per million`,
      usdOf(month, ['queueRequests']),
    ],
    ['logs', `about ${LOG_GIGABYTES} GB at ${LOG_GIGABYTE_USD}`, LOG_GIGABYTES * LOG_GIGABYTE_USD],
  ]);
}

/** Of an image that the site has nothing of, at an edge that has nothing of it. */
export function deploymentTable(measured: Measured): readonly (readonly string[])[] {
  const one = ofDeployment(measured);
  const perGigabyte = EDGE_GIGABYTE_USD.Japan;
  return costTable(4, [
    ['out of the edge, Japan', `${GIGABYTES} GB at ${perGigabyte}`, GIGABYTES * perGigabyte],
    ...perMillion('requests at the edge', PARTS, MILLION_USD.edgeRequests),
    ...perMillion('origin fetches, if the edge is cold', PARTS, MILLION_USD.bucketGets),
    ...perMillion('the API: request, reports, looks', one.apiRequests, apiRequests),
    [
      'Lambda',
      `${one.invocations} × ${INVOCATION_SECONDS} s × ${MEMORY_GIGABYTES} GB, and ${invocations} per million`,
      usdOf(one, ['invocations']),
    ],
    ['the table', `${unitsText(one)} ${unitPrices}`, usdOf(one, [...TABLE])],
    [
      'queue, audit records, the signing key',
      `${one.queueRequests}, ${one.auditRecords} and ${one.secretReads}`,
      usdOf(one, ['queueRequests', 'auditRecords', 'secretReads']),
    ],
  ]);
}

/** What a further site costs in a month in which nothing is deployed. */
export const siteMonthUsd = (measured: Measured): number => usdOf(scaled(ofSiteAndDay(measured), DAYS));

/** How many deployments cost as much as a GB from an edge in Japan. */
export const deploymentsPerGigabyte = (measured: Measured): number =>
  Math.round(EDGE_GIGABYTE_USD.Japan / usdOf(ofDeployment(measured)));

const perMillion = (line: string, count: number, usd: number): readonly Line[] => [
  [line, `${thousands(count)} at ${usd} per million`, (count / 1e6) * usd],
];

function costTable(digits: number, lines: readonly Line[]): readonly (readonly string[])[] {
  const sum = lines.reduce((all, [, , usd]) => all + usd, 0);
  return [
    ['line', 'counted', '$'],
    ...lines.map(([line, counted, usd]) => [line, counted, usd.toFixed(digits)]),
    ['**together**', '', sum.toFixed(digits)],
  ];
}

const unitsText = ({ readUnits: read, tableWriteUnits, indexWriteUnits }: Operations): string =>
  `${thousands(tableWriteUnits)} written, ${thousands(indexWriteUnits)} in indexes, ${thousands(read)} read:`;

const scaled = (one: Operations, by: number): Operations =>
  operations(Object.fromEntries(Object.entries(one).map(([name, count]: [string, number]) => [name, count * by])));

const thousands = (count: number): string => Math.round(count).toLocaleString('en-US');
