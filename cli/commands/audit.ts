/** `edgeboot audit`: what was decided in the federation, and whether the record of it is whole. */
import { Command } from 'commander';
import { EdgebootError } from '#shared/errors.ts';
import { ULID } from '#shared/names.ts';
import { auditTable, gapTable } from '../audit/audit-text.ts';
import { findGaps, subjectsOf } from '../audit/find-gaps.ts';
import { readBegun, readCounts, readTrail } from '../audit/read-trail.ts';
import { readTime } from '../audit/time-option.ts';
import { wholeNumber } from '../option-values.ts';
import { printData, say } from '../output.ts';
import { openApi } from '../session.ts';

const SINCE = 'how long ago (45m, 2h, 7d), or when in UTC (2026-11-25, 2026-11-25T10:00:00Z)';
const LINE_INTERVAL_MS = 5_000;

interface RangeOptions {
  readonly since: string;
  readonly until?: string;
}

export function auditCommand(): Command {
  const audit = new Command('audit').description('For federation operators: the audit trail.');
  audit
    .command('list')
    .description('Who did what, when, allowed or denied, and why; the oldest first.')
    .option('--since <time>', SINCE, '24h')
    .option('--until <time>', 'as --since says it; now unless given')
    .option('--member <member>', 'only what this member asked for')
    .option('--site <site>', 'only what is about this site or its agent')
    .option('--deployment <deployment>', 'only what is about this deployment')
    .option('--limit <n>', 'at most so many', '1000')
    .action(list);
  audit
    .command('verify')
    .description('Find records that are gone: those about a cluster or a warming are numbered.')
    .option('--since <time>', SINCE, '24h')
    .action(verify);
  return audit;
}

async function list(
  options: RangeOptions & { member?: string; site?: string; deployment?: string; limit: string },
  command: Command,
): Promise<void> {
  const limit = wholeNumber(options.limit, '--limit', { min: 1 });
  const { member, site, deployment } = options;
  if (deployment !== undefined && !ULID.safeParse(deployment).success) {
    throw new EdgebootError('USAGE', `${JSON.stringify(deployment)} is no deployment id`);
  }
  const query = { ...readRange(options), member, site, deployment };
  const { records, isAll } = await readTrail(await openApi(), query, limit, sayNowAndThen());
  printData(command, records, auditTable);
  if (!isAll) say(`There are later ones: see them with a --limit above ${limit}, or a later --since.`);
}

async function verify(options: Pick<RangeOptions, 'since'>, command: Command): Promise<void> {
  const range = readRange(options);
  const api = await openApi();
  const { records } = await readTrail(api, range, Infinity, sayNowAndThen());
  const subjects = subjectsOf(records, await readBegun(api, range));
  const gaps = findGaps(records, subjects, await readCounts(api, subjects), range);
  const data = { ...range, records: records.length, subjects: subjects.length, gaps };
  printData(command, data, () => (gaps.length === 0 ? 'The audit trail is whole.' : gapTable(gaps)));
  say(`${records.length} records since ${range.since}, ${subjects.length} deployments and warmings.`);
  if (gaps.length > 0) {
    throw new EdgebootError(
      'AUDIT_INCOMPLETE',
      `the audit trail has ${gaps.length === 1 ? 'a gap' : `${gaps.length} gaps`}`,
    );
  }
}

/** For long trails. */
function sayNowAndThen(): (records: number) => void {
  let saidAt = performance.now();
  return (records) => {
    if (performance.now() - saidAt < LINE_INTERVAL_MS) return;
    saidAt = performance.now();
    say(`${records} records read …`);
  };
}

/** Throws USAGE. */
function readRange({ since, until }: RangeOptions): { since: string; until: string } {
  const now = new Date();
  const range = {
    since: readTime(since, '--since', now),
    until: until === undefined ? now.toISOString() : readTime(until, '--until', now),
  };
  if (Date.parse(range.since) < Date.parse(range.until)) return range;
  throw new EdgebootError('USAGE', '--since must be before --until, which is now unless given');
}
