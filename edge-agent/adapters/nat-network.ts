/** A network of the agent's own for frontends, behind this host: a bridge with an address, and a way out by masquerade. */
import { readFile, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { EdgebootError } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { addressOf, isNetmask, subnetAround } from '../core/ipv4.ts';
import { BRIDGE_NAME } from '../core/node-machine.ts';
import { letThrough, outOfBridge, takeBack } from './forward-rules.ts';
import { inTurn } from './host-lock.ts';
import { ensureBridge, findBridgeOwner, type HostBridge, removeBridge } from './host-bridge.ts';

export interface NatNetwork {
  /** Name of the bridge. */
  readonly bridge: string;
  /** This host's address on it. */
  readonly gatewayAddress: string;
  readonly netmask: string;
}

const FORWARDING = '/proc/sys/net/ipv4/ip_forward';

/**
 * Makes what is missing of it. Guests reach out, and this host reaches guests; who is outside does not begin a conversation with one.
 * @throws EdgebootError INVALID_CONFIG where the bridge or the subnet is somebody else's; PREREQUISITE_MISSING without `nft`.
 */
export const ensureNatNetwork = (network: NatNetwork): Promise<void> =>
  inTurn(turnsOf(network.bridge), () => ensure(network));

/** Nothing there is fine. A bridge that is not ours stays, with all that bears its name. */
export const removeNatNetwork = (bridge: string): Promise<void> => inTurn(turnsOf(bridge), () => remove(bridge));

/** Boots are processes that know nothing of each other: two that look at once would both find nothing, and make it. */
const turnsOf = (bridge: string): string => `NAT network ${bridge}`;

async function ensure({ bridge, gatewayAddress, netmask }: NatNetwork): Promise<void> {
  if ((await findBridgeOwner(bridgeOf(bridge))) === 'others') {
    throw inUse(`there is an interface ${bridge} already, which is not the agent's`, 'publicNetwork.nat.bridge');
  }
  if (!isNetmask(netmask)) throw new EdgebootError('INVALID_CONFIG', `${netmask} is no netmask`);
  const { base, last } = subnetAround(gatewayAddress, netmask);
  refuseOverlap(bridge, base, last);
  const prefixLength = 32 - Math.log2(last - base + 1);
  await ensureBridge(bridgeOf(bridge));
  await runCommandOrThrow('ip', ['address', 'replace', `${gatewayAddress}/${prefixLength}`, 'dev', bridge]);
  // Writing it again would reset what the operator has set for single interfaces.
  if ((await readFile(FORWARDING, 'utf8')).trim() !== '1') await writeFile(FORWARDING, '1');
  await letThrough(outOfBridge(bridge));
  await changeRules([...noTable(bridge), ...tableFor(bridge, addressOf(base), prefixLength)]);
}

async function remove(bridge: string): Promise<void> {
  if ((await findBridgeOwner(bridgeOf(bridge))) === 'others') return;
  await takeBack(outOfBridge(bridge));
  await changeRules(noTable(bridge));
  await removeBridge(bridgeOf(bridge));
}

function bridgeOf(bridge: string): HostBridge {
  return { name: BRIDGE_NAME.parse(bridge), mark: `edgeboot NAT network ${bridge}` };
}

function refuseOverlap(bridge: string, base: number, last: number): void {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { family, address, netmask } of addresses ?? []) {
      if (name === bridge || family !== 'IPv4') continue;
      const other = subnetAround(address, netmask);
      if (other.base > last || other.last < base) continue;
      throw inUse(`${addressOf(base)} overlaps with the network of ${name}`, 'publicNetwork.nat');
    }
  }
}

function inUse(what: string, setting: string): EdgebootError {
  return new EdgebootError('INVALID_CONFIG', what, { remedy: `Name another one: ${setting}` });
}

// ---- rules, as libnftables-json(5) has them -------------------------------------------------------------------------

type Expression = Record<string, unknown>;

/** All of it or nothing is done. Throws PREREQUISITE_MISSING without `nft`. */
async function changeRules(commands: readonly Expression[]): Promise<void> {
  await runCommandOrThrow('nft', ['--json', JSON.stringify({ nftables: commands })]);
}

/** Named after the bridge: what is in it is ours. */
const tableName = (bridge: string): string => `edgeboot-${bridge}`;

/** A table that is not there cannot be deleted: so it is made before. */
function noTable(bridge: string): Expression[] {
  const table = { family: 'ip', name: tableName(bridge) };
  return [{ add: { table } }, { delete: { table } }];
}

function tableFor(bridge: string, subnet: string, prefixLength: number): Expression[] {
  const own = { prefix: { addr: subnet, len: prefixLength } };
  const within = { family: 'ip', table: tableName(bridge) };
  const match = (left: Expression, op: '==' | '!=' | 'in', right: unknown): Expression => ({
    match: { left, op, right },
  });
  const from = (op: '==' | '!='): Expression => match({ meta: { key: 'iifname' } }, op, bridge);
  const to = (op: '==' | '!='): Expression => match({ meta: { key: 'oifname' } }, op, bridge);
  const source = (op: '==' | '!='): Expression => match({ payload: { protocol: 'ip', field: 'saddr' } }, op, own);
  const answers = match({ ct: { key: 'state' } }, 'in', ['established', 'related']);
  const chain = (name: string, hook: { type: string; hook: string; prio: number }): Expression => ({
    add: { chain: { ...within, name, ...hook, policy: 'accept' } },
  });
  const rule = (chainName: string, ...expr: Expression[]): Expression => ({
    add: { rule: { ...within, chain: chainName, expr } },
  });
  return [
    { add: { table: { family: 'ip', name: tableName(bridge) } } },
    chain('outward', { type: 'nat', hook: 'postrouting', prio: 100 }),
    rule('outward', source('=='), to('!='), { masquerade: null }),
    chain('passing', { type: 'filter', hook: 'forward', prio: 0 }),
    // Nobody speaks in the name of others, and nobody outside speaks first.
    rule('passing', from('=='), to('!='), source('!='), { drop: null }),
    rule('passing', to('=='), from('!='), answers, { accept: null }),
    rule('passing', to('=='), from('!='), { drop: null }),
  ];
}
