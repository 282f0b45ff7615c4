/** From what each step costs to what a federation costs: how often each step comes is told here. Pure. */
import { HEARTBEAT_SECONDS } from '../../edge-agent/core/lease.ts';
import type { Operations, Step } from './measure-operations.ts';

/** In US dollars, as docs/operations.md names them; of a row written twice as much, as most are in transactions. */
const INVOCATION_SECONDS = 0.05;
const GIGABYTES = 0.5;
const COLUMNS: readonly (readonly [column: keyof Operations, label: string, usdPerMillion: number])[] = [
  ['apiRequests', 'API requests', 1],
  ['invocations', 'Lambda invocations', 0.2 + INVOCATION_SECONDS * GIGABYTES * 13.3334],
  ['rowsRead', 'rows read', 0.125],
  ['rowsWritten', 'rows written', 2 * 0.625],
  ['queueRequests', 'SQS requests', 0.4],
  ['auditRecords', 'audit records', 0.5],
];

/** As the agent and the command do it, for a cluster that takes two minutes: one to fetch, one to boot. */
const FETCH_SECONDS = 60;
const BOOT_SECONDS = 60;
const PROGRESS_SECONDS = 2;
const LOOK_SECONDS = 1;
const BEAT_SECONDS = 30;
const POLL_SECONDS = 20;
const SESSION_SECONDS = 3600;
const DAY_SECONDS = 86_400;

const PER_DEPLOYMENT: Partial<Readonly<Record<Step, number>>> = {
  'request a cluster': 1,
  'take the message': 2,
  'keep the message': Math.ceil((FETCH_SECONDS + BOOT_SECONDS) / HEARTBEAT_SECONDS),
  'read the job': 2,
  // FETCHING, PERSONALIZING, BOOTING; DESTROYING.
  'report a phase': 4,
  'report progress': FETCH_SECONDS / PROGRESS_SECONDS,
  'report that it runs': 1,
  'delete the message': 2,
  'the member looks': (FETCH_SECONDS + BOOT_SECONDS) / LOOK_SECONDS,
  // Whenever the row has changed.
  'the member reads its history': FETCH_SECONDS / PROGRESS_SECONDS + 5,
  destroy: 1,
  'report that it is gone': 1,
};
const PER_SITE_AND_DAY: Partial<Readonly<Record<Step, number>>> = {
  'a site: heartbeat': DAY_SECONDS / BEAT_SECONDS,
  'a site: poll of its queue': DAY_SECONDS / POLL_SECONDS,
  'a site: session': DAY_SECONDS / SESSION_SECONDS,
};

export const SITES = 1_000;
export const DEPLOYMENTS_PER_DAY = 100_000;

type Measured = ReadonlyMap<Step, Operations>;

/** A row for each step. The first row is the heading. */
export function stepTable(measured: Measured): readonly (readonly string[])[] {
  const rows = [...measured].map(([step, operations]) => [
    step,
    ...COLUMNS.map(([column]) => String(operations[column])),
    timesText(step),
  ]);
  return [['step', ...COLUMNS.map(([, label]) => label), 'times'], ...rows];
}

function timesText(step: Step): string {
  const [inLife, inDay] = [PER_DEPLOYMENT[step], PER_SITE_AND_DAY[step]];
  if (inLife !== undefined) return `${inLife}`;
  return inDay === undefined ? 'every 15 min of fetching' : `${inDay} a day`;
}

/** What a federation asks of AWS in a day, and in the mean second of it. */
export function federationTable(measured: Measured): readonly (readonly string[])[] {
  const deployment = total(measured, PER_DEPLOYMENT);
  const site = total(measured, PER_SITE_AND_DAY);
  const rows = COLUMNS.map(([column, label, usdPerMillion]) => {
    const day = deployment[column] * DEPLOYMENTS_PER_DAY + site[column] * SITES;
    const usd = (day / 1e6) * usdPerMillion;
    const cells = [deployment[column], site[column], day].map(thousands);
    return { usd, cells: [label, ...cells, (day / DAY_SECONDS).toFixed(0), usd.toFixed(2)] };
  });
  const usd = rows.reduce((sum, row) => sum + row.usd, 0);
  return [
    ['', 'a deployment', 'a site and day', 'the federation and day', 'a second', '$ a day'],
    ...rows.map(({ cells }) => cells),
    ['together', '', '', '', '', usd.toFixed(2)],
  ];
}

function total(measured: Measured, times: Partial<Readonly<Record<Step, number>>>): Operations {
  const sum = (column: keyof Operations): number =>
    [...measured].reduce((all, [step, operations]) => all + operations[column] * (times[step] ?? 0), 0);
  return Object.fromEntries(COLUMNS.map(([column]) => [column, sum(column)])) as unknown as Operations;
}

const thousands = (count: number): string => count.toLocaleString('en-US');
