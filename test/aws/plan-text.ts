/** What would happen, in words: from the same steps and removals that run. Pure. */
import type { StageNames } from './names.ts';
import type { Step } from './step.ts';

export interface PlanFor {
  readonly stage: string;
  readonly account: string;
  readonly region: string;
  readonly names: StageNames;
}

export function planText(steps: readonly Step[], { stage, account, region, names }: PlanFor): string {
  const lines = [`Verification of Edgeboot on AWS: stage ${stage}, account ${account}, region ${region}`, ''];
  for (const [i, { name, why, makes, costs, isUnseen }] of steps.entries()) {
    lines.push(`${String(i + 1).padStart(2)}. ${name}`, `      why    ${why}`);
    lines.push(...makes(names).map((what) => `      makes  ${what}`), `      costs  ${costs}`);
    if (isUnseen === true) lines.push('      unseen: only an account can show it, and nobody has run it yet');
  }
  lines.push('', 'Then, and after every failure or Ctrl-C from the step on that begins to make them:');
  const removals = steps.flatMap(({ undo }) => undo);
  lines.push(...removals.map(({ name, why }, i) => `${String(i + 1).padStart(2)}. ${name} (${why})`));
  const [first] = steps.filter(({ undo }) => undo.length > 0);
  lines.push(
    '    and it looks whether anything of the stage is left; whatever is, is named.',
    '',
    `Before "${first?.name ?? ''}" nothing is made and nothing removed.`,
    `The removal alone: npm run verify:aws -- --remove --profile P --stage ${stage} --region ${region}`,
  );
  return lines.join('\n');
}
