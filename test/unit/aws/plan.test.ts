/** What `npm run verify:aws -- --plan` shows: the same steps and removals that run, all of them, and the same every time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { costText, estimateCost, noCounts } from '../../aws/cost.ts';
import { stackEnvironment } from '../../aws/deploy-stack.ts';
import { requireVerifyStage, stageNames } from '../../aws/names.ts';
import { parseVerifyOptions } from '../../aws/options.ts';
import { planText } from '../../aws/plan-text.ts';
import { STEPS } from '../../aws/steps.ts';

const PLAN_FOR = { stage: 'verify', account: '123456789012', region: 'eu-west-1' };
const plan = () => planText(STEPS, { ...PLAN_FOR, names: stageNames(PLAN_FOR.stage, PLAN_FOR.account) });
const isUsage = (error: unknown) => hasCode(error, 'USAGE');

test('the plan is the same every time, and has each step and each removal once', () => {
  const text = plan();
  assert.equal(text, plan());
  for (const { name, costs } of [
    ...STEPS,
    ...STEPS.flatMap(({ undo }) => undo.map((one) => ({ ...one, costs: '' }))),
  ]) {
    assert.equal(text.split(`. ${name}`).length, 2, name);
    assert.ok(text.includes(costs));
  }
  assert.match(text, /bucket edgeboot-verify-images-123456789012/);
  assert.match(text, /eu-west-1/);
});

test('all that the steps make is removed, and nothing is made before it is looked and asked', () => {
  const making = STEPS.findIndex(({ undo }) => undo.length > 0);
  const before = STEPS.slice(0, making);
  const names = stageNames('verify', '1');
  const inAws = (what: string) => Object.values<string>({ ...names }).some((name) => what.includes(name));
  assert.deepEqual(before.flatMap(({ makes }) => makes(names)).filter(inAws), []);
  assert.ok(
    before.some(({ name }) => name.includes('stage is free')) && before.some(({ name }) => name.includes('ask')),
  );
});

test('a stage is one of a verification, or is not touched: no name of it is the beginning of another’s', () => {
  for (const stage of ['verify', 'verify2', 'verifyabc']) assert.equal(requireVerifyStage(stage), stage);
  for (const stage of [
    'prod',
    'dev',
    'local',
    '',
    'verify-2',
    'Verify',
    'verifyverifyverify',
    'prod-verify',
    'verify/',
  ])
    assert.throws(() => requireVerifyStage(stage), isUsage, stage);
  const [one, other] = [stageNames('verify', '1'), stageNames('verify2', '1')];
  for (const name of Object.values<string>({ ...other })) {
    for (const prefix of [one.queues, one.functionLogs, one.auditLogGroup]) assert.ok(!name.startsWith(prefix), name);
  }
});

test('options that cannot be are usage', () => {
  assert.deepEqual(parseVerifyOptions(['--profile', 'p']), { profile: 'p', stage: 'verify', region: 'us-east-1' });
  for (const args of [
    ['--stage', 'prod'],
    ['--region', 'x y'],
    ['--plan', '--remove'],
  ])
    assert.throws(() => parseVerifyOptions(args), isUsage, args.join(' '));
});

test('the estimate is what was counted times the prices', () => {
  const of = (lines: ReturnType<typeof estimateCost>, name: string) => lines.find((line) => line.name === name)?.usd;
  const counts = { ...noCounts(), edgeRequests: 10_000, edgeBytes: 2e9, queueRequests: 1e6 - 30, commands: 100_000 };
  const lines = estimateCost(counts, 3600, 600);
  assert.ok(Math.abs((of(lines, 'out of the edge') ?? 0) - 0.24) < 1e-9);
  assert.ok(Math.abs((of(lines, 'requests at the edge') ?? 0) - 0.016) < 1e-9);
  assert.ok(Math.abs((of(lines, 'queues') ?? 0) - 0.4) < 1e-9);
  assert.ok(Math.abs((of(lines, 'the API') ?? 0) - 1.00002) < 1e-9);
  const standing = of(lines, 'alarms, metrics, secrets') ?? 0;
  assert.ok(Math.abs(standing - 2.7 / 730) < 1e-9, String(standing));
  const total = lines.reduce((sum, { usd }) => sum + usd, 0);
  assert.match(costText(lines), new RegExp(`${total.toFixed(5).replace('.', '\\.')} \\$ {2}together`));
});

test('the stack is deployed with the run’s own keys and nobody’s mail; a URL that no Lambda takes is refused', () => {
  const settings = {
    ...{ issuer: 'https://i', audience: 'https://a', rootPublicKeyPem: 'root', signingPublicKeyPem: 'sign' },
    jwksUrl: 'https://b.s3.us-east-1.amazonaws.com/verify/jwks.json',
  };
  const environment = stackEnvironment(settings);
  assert.equal(environment['SIGNING_PUBLIC_KEY_A'], 'sign');
  assert.equal(environment['ROOT_PUBLIC_KEY_BASE64'], Buffer.from('root').toString('base64'));
  assert.deepEqual([environment['ALARM_EMAIL'], environment['OIDC_JWKS_URL']], ['', settings.jwksUrl]);
  const tooLong = { ...settings, jwksUrl: `${settings.jwksUrl}?X-Amz-Security-Token=${'a'.repeat(3000)}` };
  assert.throws(
    () => stackEnvironment(tooLong),
    (error) => hasCode(error, 'INVALID_CONFIG'),
  );
});
