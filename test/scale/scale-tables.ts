/** From what each step costs to what a federation costs: how often each step comes is told here. Pure. */
import { lookAgainAfterMs } from '../../cli/keep-looking.ts';
import { HEARTBEAT_SECONDS } from '../../edge-agent/core/lease.ts';
import { type Measured, type Operations, operations, type Step } from './operations.ts';
import { COLUMNS, usdOf } from './prices.ts';

/** As the agent and the command do it, for a cluster that takes two minutes: one to fetch, one to boot. */
const FETCH_SECONDS = 60;
const BOOT_SECONDS = 60;
const PROGRESS_SECONDS = 2;
const BEAT_SECONDS = 30;
const POLL_SECONDS = 20;
const SESSION_SECONDS = 3600;
const DAY_SECONDS = 86_400;

type Times = Partial<Readonly<Record<Step, number>>>;

const PER_DEPLOYMENT: Times = {
  'request a cluster': 1,
  'take the message': 2,
  'keep the message': Math.ceil((FETCH_SECONDS + BOOT_SECONDS) / HEARTBEAT_SECONDS),
  'read the job': 2,
  // FETCHING, PERSONALIZING, BOOTING; DESTROYING.
  'report a phase': 4,
  'report progress': FETCH_SECONDS / PROGRESS_SECONDS,
  'report that it runs': 1,
  'delete the message': 2,
  'the member looks': looksWithin(FETCH_SECONDS + BOOT_SECONDS),
  // At the first look, and whenever more has changed than the progress: FETCHING, PERSONALIZING, BOOTING, RUNNING.
  'the member reads its history': 5,
  destroy: 1,
  'report that it is gone': 1,
};
const PER_SITE_AND_DAY: Times = {
  'a site: heartbeat': DAY_SECONDS / BEAT_SECONDS,
  'a site: poll of its queue': DAY_SECONDS / POLL_SECONDS,
  'a site: session': DAY_SECONDS / SESSION_SECONDS,
};
/** Whatever its size. */
const PER_DAY: Times = { 'the sweep': DAY_SECONDS / 60 };

export const SITES = 1_000;
export const DEPLOYMENTS_PER_DAY = 100_000;

/** A row for each step. The first row is the heading. */
export function stepTable(measured: Measured): readonly (readonly string[])[] {
  const rows = [...measured].map(([step, counted]) => [
    step,
    ...COLUMNS.map(([column]) => String(counted[column])),
    (usdOf(counted) * 1e6).toFixed(2),
    timesText(step),
  ]);
  return [['step', ...COLUMNS.map(([, label]) => label), '$ a million', 'times'], ...rows];
}

function timesText(step: Step): string {
  const [inLife, inDay] = [PER_DEPLOYMENT[step], PER_SITE_AND_DAY[step] ?? PER_DAY[step]];
  if (inLife !== undefined) return `${inLife}`;
  return inDay === undefined ? 'every 15 min of fetching' : `${inDay} a day`;
}

/** With requests that take no time: rather too many. */
function looksWithin(seconds: number): number {
  let looks = 0;
  for (let waitedMs = 0; waitedMs < seconds * 1000; waitedMs += lookAgainAfterMs(waitedMs)) looks++;
  return looks + 1;
}

export const ofDeployment = (measured: Measured): Operations => total(measured, PER_DEPLOYMENT);
export const ofSiteAndDay = (measured: Measured): Operations => total(measured, PER_SITE_AND_DAY);

/** What a federation asks of AWS in a day, and in the mean second of it. */
export function federationTable(measured: Measured): readonly (readonly string[])[] {
  const [deployment, site] = [ofDeployment(measured), ofSiteAndDay(measured)];
  const perDay = (column: keyof Operations) => deployment[column] * DEPLOYMENTS_PER_DAY + site[column] * SITES;
  const day = operations(Object.fromEntries(COLUMNS.map(([column]) => [column, perDay(column)])));
  const rows = COLUMNS.map(([column, label]) => [
    label,
    ...[deployment, site, day].map((counted) => thousands(counted[column])),
    (day[column] / DAY_SECONDS).toFixed(0),
    usdOf(day, [column]).toFixed(2),
  ]);
  const [deploymentUsd, siteUsd] = [usdOf(deployment).toFixed(6), usdOf(site).toFixed(4)];
  return [
    ['', 'a deployment', 'a site and day', 'the federation and day', 'a second', '$ a day'],
    ...rows,
    ['together, in $', deploymentUsd, siteUsd, '', '', usdOf(day).toFixed(2)],
  ];
}

function total(measured: Measured, times: Times): Operations {
  const sum = (column: keyof Operations): number =>
    [...measured].reduce((all, [step, counted]) => all + counted[column] * (times[step] ?? 0), 0);
  return operations(Object.fromEntries(COLUMNS.map(([column]) => [column, sum(column)])));
}

const thousands = (count: number): string => count.toLocaleString('en-US');
