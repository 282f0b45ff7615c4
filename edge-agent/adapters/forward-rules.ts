/**
 * Rules that let our traffic pass the host's FORWARD chain, which drops what it does not know on hosts with Docker, for example, and
 * sees the frames of bridges, too, where br_netfilter is loaded. libvirt does the same for its own networks.
 */
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { hasCode } from '#shared/errors.ts';

export interface ForwardRule {
  readonly tool: 'iptables' | 'ip6tables';
  readonly match: readonly string[];
}

/** What goes from one node to the other over the same bridge. */
export function withinBridge(bridge: string): ForwardRule[] {
  const match = ['--in-interface', bridge, '--out-interface', bridge];
  return [
    { tool: 'iptables', match },
    { tool: 'ip6tables', match },
  ];
}

/** From the bridge to anywhere, and the answers. */
export function outOfBridge(bridge: string): ForwardRule[] {
  const answers = ['--match', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'];
  return [
    { tool: 'iptables', match: ['--in-interface', bridge] },
    { tool: 'iptables', match: ['--out-interface', bridge, ...answers] },
  ];
}

/** Puts in what is missing. A host without iptables has no such chain. */
export async function letThrough(rules: readonly ForwardRule[]): Promise<void> {
  for (const rule of rules) {
    if ((await isThere(rule)) === false) await runCommandOrThrow(rule.tool, change('--insert', rule));
  }
}

/** Takes out what is there. */
export async function takeBack(rules: readonly ForwardRule[]): Promise<void> {
  for (const rule of rules) {
    while ((await isThere(rule)) === true) await runCommandOrThrow(rule.tool, change('--delete', rule));
  }
}

/** `undefined` where there is no such tool. */
async function isThere(rule: ForwardRule): Promise<boolean | undefined> {
  try {
    return (await runCommand(rule.tool, change('--check', rule))).exitCode === 0;
  } catch (error) {
    if (hasCode(error, 'PREREQUISITE_MISSING')) return undefined;
    throw error;
  }
}

const change = (order: string, { match }: ForwardRule): string[] => [
  ...['--wait', order, 'FORWARD'],
  ...[...match, '--jump', 'ACCEPT'],
];
