/** A disk against the image standard, rule by rule: what was found, what the rule is, what to do. */
import { DISK_RULES, type DiskRule } from '#shared/image/disk-rules.ts';
import type { DiskFindings } from '#shared/image/inspect-disk.ts';

const RULES = Object.keys(DISK_RULES) as DiskRule[];
const WIDTH = Math.max(...RULES.map((rule) => rule.length));
const INDENT = ' '.repeat('ok    '.length + WIDTH + 2);

export function explainFindings(findings: DiskFindings): string {
  return RULES.flatMap((rule) => {
    const line = (verdict: string, words: string): string => `${verdict.padEnd(6)}${rule.padEnd(WIDTH)}  ${words}`;
    const requirement = `${INDENT}rule: ${DISK_RULES[rule]}`;
    const finding = findings.find((candidate) => candidate.rule === rule);
    if (finding === undefined) return [line('-', 'not checked, since an earlier rule is broken'), requirement];
    const { ok, message, remedy } = finding;
    return [
      line(ok ? 'ok' : 'fail', message),
      requirement,
      ...(remedy === undefined ? [] : [`${INDENT}do:   ${remedy}`]),
    ];
  }).join('\n');
}
