/**
 * `/root/vc-out.xml`: what a guest reads about its cluster. One document satisfies both dialects in the field: the older one
 * (dynip, Rocks guests) reads `<public …/>`, `<private …/>` and the attributes of `<node>`; the newer one (vc-out-parser) reads
 * `name`, `fqdn`, `gw` on the elements and one child per interface.
 *
 * Old parsers take EVERY child of `<frontend>`, `<compute>` and `<node>` for an interface, and read only the FIRST `<key>`:
 * nothing else is put there, and all keys go into that one element, a line each.
 */
import { create } from 'xmlbuilder2';

export interface VcInterface {
  readonly address: string;
  readonly netmask: string;
  /** Lower case: guests grep the output of `ip link`. */
  readonly macAddress: string;
}

/** An interface beside the cluster's own two. */
export interface VcExtraInterface extends VcInterface {
  /** Becomes the element's name: NETWORK_NAME of shared/names.ts. */
  readonly network: string;
}

/** A cluster, as its guests need to know it. Names must be LDH labels: they reach root shells in old guests. */
export interface VcCluster {
  readonly frontend: {
    readonly name: string;
    readonly fqdn: string;
    readonly gateway: string;
    readonly public: VcInterface;
    readonly private: VcInterface;
    readonly extra: readonly VcExtraInterface[];
  };
  readonly computes: readonly VcCompute[];
  readonly dns: { readonly servers: readonly string[]; readonly search: string; readonly domain: string };
  readonly sshPublicKeys: readonly string[];
}

export interface VcCompute {
  readonly name: string;
  readonly cpus: number;
  readonly private: VcInterface;
  readonly extra: readonly VcExtraInterface[];
}

const MTU = '1500';

const addresses = (net: VcInterface) => ({ ip: net.address, netmask: net.netmask, mac: net.macAddress, mtu: MTU });

type Element = ReturnType<ReturnType<typeof create>['ele']>;

function addExtra(element: Element, extra: readonly VcExtraInterface[]): void {
  for (const net of extra) element.ele(net.network, addresses(net));
}

/** The frontend's document: the whole cluster. */
export function writeFrontendDocument(cluster: VcCluster): string {
  const { frontend, computes } = cluster;
  const vc = create({ version: '1.0', encoding: 'UTF-8' }).ele('vc');
  const element = vc.ele('frontend', { name: frontend.name, fqdn: frontend.fqdn, gw: frontend.gateway });
  element.ele('public', { fqdn: frontend.fqdn, gw: frontend.gateway, ...addresses(frontend.public) });
  element.ele('private', addresses(frontend.private));
  addExtra(element, frontend.extra);
  const list = vc.ele('compute', { count: String(computes.length) });
  for (const compute of computes) {
    const { address: ip, macAddress: mac } = compute.private;
    const gw = frontend.private.address;
    const node = list.ele('node', { name: compute.name, mac, ip, cpus: String(compute.cpus), gw });
    node.ele('private', addresses(compute.private));
    addExtra(node, compute.extra);
  }
  return finish(vc, cluster);
}

/** A compute's document: itself, and where its frontend is. Throws RangeError where there is no such compute. */
export function writeComputeDocument(cluster: VcCluster, computeName: string): string {
  const compute = cluster.computes.find(({ name }) => name === computeName);
  if (compute === undefined) throw new RangeError(`the cluster has no compute ${computeName}`);
  const gw = cluster.frontend.private.address;
  const vc = create({ version: '1.0', encoding: 'UTF-8' }).ele('vc');
  vc.ele('frontend', { fqdn: cluster.frontend.fqdn }).ele('public', { fqdn: cluster.frontend.fqdn });
  const element = vc.ele('compute', { name: compute.name, gw });
  element.ele('private', { fqdn: compute.name, gw, ...addresses(compute.private) });
  addExtra(element, compute.extra);
  return finish(vc, cluster);
}

function finish(vc: Element, { dns, sshPublicKeys }: VcCluster): string {
  vc.ele('network').ele('dns', { ip: dns.servers.join(','), search: dns.search, domain: dns.domain });
  vc.ele('key').txt(sshPublicKeys.join('\n'));
  return `${vc.end({ prettyPrint: true })}\n`;
}
