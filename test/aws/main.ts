/**
 * `npm run verify:aws`: deploys a stage of its own into a real account, does the whole job there but for machines, shows what CloudFront
 * says to signed URLs and what it cost, and removes everything. **Nobody has run it on AWS yet**: docs/deploy-aws.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import { Narrator } from '../../local/demo/narrator.ts';
import { openAwsTarget } from './aws-target.ts';
import { confirm } from './confirm.ts';
import { costText, estimateCost, noCounts } from './cost.ts';
import { stageNames } from './names.ts';
import { parseVerifyOptions, type VerifyOptions } from './options.ts';
import { planText } from './plan-text.ts';
import { REMOVALS } from './removals.ts';
import { remove, runSteps } from './run-steps.ts';
import { STEPS } from './steps.ts';
import type { Target } from './target.ts';

const stop = new AbortController();
const onSignal = (signal: NodeJS.Signals): void => {
  const words = stop.signal.aborted
    ? 'removing goes on; what is cut off now costs money until it is removed'
    : 'stopping';
  process.stderr.write(`\n${signal}: ${words} …\n`);
  stop.abort(new EdgebootError('CANCELED', `stopped by ${signal}`));
};

try {
  process.exitCode = 0;
  await main(parseVerifyOptions(process.argv.slice(2)));
} catch (error) {
  const known =
    error instanceof EdgebootError ? error : new EdgebootError('INTERNAL', messageOf(error), { cause: error });
  process.stderr.write(`verify:aws: ${known.code}: ${known.message}\n  ${known.remedy}\n`);
  process.exitCode = ERROR_KINDS[known.code].exitCode;
}

async function main(options: VerifyOptions): Promise<void> {
  const { stage, region, profile } = options;
  if (options.plan) {
    const account = '<account>';
    process.stdout.write(`${planText(STEPS, { stage, region, account, names: stageNames(stage, account) })}\n`);
    return;
  }
  if (profile === undefined) throw new EdgebootError('USAGE', '--profile is missing: which account?');
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const narrator = new Narrator();
  const folder = await mkdtemp('/var/tmp/edgeboot-');
  try {
    const target = await openAwsTarget({ profile, stage, region, folder, say: narrator.detail });
    await (options.remove ? removeAlone(target, narrator, options) : verify(target, narrator, folder, options)).finally(
      () => target.destroy(),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function verify(target: Target, teller: Narrator, folder: string, options: VerifyOptions): Promise<void> {
  const { stage, account, region, names } = target;
  const counts = noCounts();
  const local = new AsyncDisposableStack();
  const ask = async (): Promise<void> => {
    teller.say(planText(STEPS, { stage, account, region, names }));
    await confirmIn(target, 'Do all of this?', options);
  };
  const run = { target, folder, teller, local, counts, facts: {}, signal: stop.signal, confirm: ask };
  await runSteps(STEPS, run).finally(() => {
    const { stackBegan, agentBegan } = counts;
    if (stackBegan !== undefined)
      teller.say(costText(estimateCost(counts, secondsSince(stackBegan), secondsSince(agentBegan))));
  });
  teller.data(`verify:aws: OK account=${account} region=${region} stage=${stage}`);
}

function secondsSince(began = performance.now()): number {
  return (performance.now() - began) / 1000;
}

async function removeAlone(target: Target, teller: Narrator, options: VerifyOptions): Promise<void> {
  await confirmIn(target, 'Remove everything of it?', options);
  await remove(REMOVALS, target, teller);
  teller.data(`verify:aws: REMOVED account=${target.account} region=${target.region} stage=${target.stage}`);
}

function confirmIn({ account, region, stage }: Target, question: string, { yes }: VerifyOptions): Promise<void> {
  const where = `Stage ${stage} in account ${account}, region ${region}.`;
  return confirm(`${where} ${question}`, yes === true, stop.signal, { input: process.stdin, output: process.stderr });
}
