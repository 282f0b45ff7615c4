/** What a run cost: what was counted, times the list prices. An estimate. Pure. */
import {
  DEAREST_EDGE_GIGABYTE_USD,
  LAMBDA_GIGABYTE_SECOND_USD,
  MILLION_USD,
  MONTH_USD,
  PRICE_LIST,
} from '#shared/aws-prices.ts';

/** What steps count as they go. */
export interface Counts {
  edgeRequests: number;
  edgeBytes: number;
  putRequests: number;
  storedBytes: number;
  queueRequests: number;
  /** Of `edgeboot`. */
  commands: number;
  /** When they began, by performance.now(). */
  stackBegan?: number;
  agentBegan?: number;
}

export const noCounts = (): Counts => ({
  edgeRequests: 0,
  edgeBytes: 0,
  putRequests: 0,
  storedBytes: 0,
  queueRequests: 0,
  commands: 0,
});

/** Assumed, since nobody counts them: a command that waits asks every few seconds. */
const API_REQUESTS_PER_COMMAND = 10;
const API_SECONDS = 0.05;
const SWEEP_SECONDS = 0.2;
const SWEEP_READS = 5;
/** Of the table, for each request to the API. */
const [WRITES, READS] = [6, 4];
const LAMBDA_GB = 0.5;
const AGENT_REQUESTS_PER_MINUTE = 2;
const AGENT_POLL_SECONDS = 20;
const [ALARMS, METRICS, SECRETS] = [7, 4, 2];
const MONTH_SECONDS = 730 * 3600;

export interface CostLine {
  readonly name: string;
  readonly counted: string;
  readonly usd: number;
}

/** @param stackSeconds how long the stack was there, @param agentSeconds how long the agent ran */
export function estimateCost(counts: Counts, stackSeconds: number, agentSeconds: number): readonly CostLine[] {
  const { edgeRequests, edgeBytes, putRequests, storedBytes, queueRequests, commands } = counts;
  const polls = Math.ceil(agentSeconds / AGENT_POLL_SECONDS);
  const apiRequests = commands * API_REQUESTS_PER_COMMAND + Math.ceil((agentSeconds / 60) * AGENT_REQUESTS_PER_MINUTE);
  const sweeps = Math.ceil(stackSeconds / 60);
  const calls = 2 * apiRequests + sweeps;
  const gbSeconds = (2 * apiRequests * API_SECONDS + sweeps * SWEEP_SECONDS) * LAMBDA_GB;
  const months = stackSeconds / MONTH_SECONDS;
  const standing = ALARMS * MONTH_USD.alarm + METRICS * MONTH_USD.metric + SECRETS * MONTH_USD.secret;
  const perMillion = (count: number, name: keyof typeof MILLION_USD): number => (count / 1e6) * MILLION_USD[name];
  const minutes = Math.ceil(stackSeconds / 60);
  return [
    { name: 'alarms, metrics, secrets', counted: `${minutes} minutes`, usd: standing * months },
    {
      name: 'requests at the edge',
      counted: `${edgeRequests}, each fetched from the bucket`,
      usd: perMillion(edgeRequests, 'edgeRequests') + perMillion(edgeRequests, 'bucketGets'),
    },
    { name: 'out of the edge', counted: `${edgeBytes} bytes`, usd: (edgeBytes / 1e9) * DEAREST_EDGE_GIGABYTE_USD },
    {
      name: 'the bucket',
      counted: `${putRequests} PUT, ${storedBytes} bytes`,
      usd: perMillion(putRequests, 'bucketPuts') + (storedBytes / 1e9) * MONTH_USD.bucketGigabyte * months,
    },
    {
      name: 'queues',
      counted: `${queueRequests} requests, and ${polls} polls of the agent`,
      usd: perMillion(queueRequests + polls, 'queueRequests'),
    },
    {
      name: 'the API',
      counted: `about ${apiRequests} requests (${API_REQUESTS_PER_COMMAND} for each of ${commands} commands, and the agent's)`,
      usd: perMillion(apiRequests, 'apiRequests'),
    },
    {
      name: 'Lambda',
      counted: `about ${calls} calls, ${gbSeconds.toFixed(0)} GB s`,
      usd: perMillion(calls, 'invocations') + gbSeconds * LAMBDA_GIGABYTE_SECOND_USD,
    },
    {
      name: 'the table',
      counted: `about ${apiRequests * WRITES} writes, ${apiRequests * READS + sweeps * SWEEP_READS} reads`,
      usd:
        perMillion(apiRequests * WRITES, 'writeUnits') +
        perMillion(apiRequests * READS + sweeps * SWEEP_READS, 'readUnits'),
    },
  ];
}

export function costText(lines: readonly CostLine[]): string {
  const total = lines.reduce((sum, { usd }) => sum + usd, 0);
  const row = (name: string, counted: string, usd: number): string =>
    `  ${usd.toFixed(5)} $  ${name}${counted === '' ? '' : `: ${counted}`}`;
  return [
    `estimated cost, at the list prices of ${PRICE_LIST.region} in ${PRICE_LIST.month} (AWS bills what it has counted itself):`,
    ...lines.map(({ name, counted, usd }) => row(name, counted, usd)),
    row('together', '', total),
  ].join('\n');
}
