/** The machine that the sites of the embedded federation boot their clusters on: a libvirtd of its own, a public network per site. */
import path from 'node:path';
import { hasCode } from '#shared/errors.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../libvirtd/private-libvirtd.ts';
import { createPublicNetwork } from '../public-network.ts';

/** Subnets 10.<this>.n.0/24 are tried until one is free. */
const SECOND_OCTET = 88;
const MAX_SUBNETS = 256;
const NETMASK = '255.255.255.0';

/** A site's public network, as its agent's configuration describes it. */
export interface SitePublicNetwork {
  readonly libvirtNetwork: string;
  readonly firstAddress: string;
  readonly lastAddress: string;
  readonly netmask: string;
  readonly gateway: string;
  readonly dnsServers: readonly string[];
  readonly domain: string;
}

export interface SiteHost extends AsyncDisposable {
  readonly libvirtd: PrivateLibvirtd;
  readonly networks: ReadonlyMap<string, SitePublicNetwork>;
}

export interface SiteHostOptions {
  /** Short: sockets go below it. */
  readonly directory: string;
  readonly siteIds: readonly string[];
  readonly acceleration: 'kvm' | 'emulation';
  readonly log: (line: string) => void;
}

/** Throws PREREQUISITE_MISSING where libvirtd does not start, INVALID_CONFIG where no subnet is free. */
export async function startSiteHost({ directory, siteIds, acceleration, log }: SiteHostOptions): Promise<SiteHost> {
  await using undo = new AsyncDisposableStack();
  const libvirtd = undo.adopt(
    await startPrivateLibvirtd({ directory: path.join(directory, 'libvirt'), acceleration, log }),
    (daemon) => daemon.close(),
  );
  const networks = new Map<string, SitePublicNetwork>();
  let subnet = 0;
  for (const siteId of siteIds) {
    for (;;) {
      const base = `10.${SECOND_OCTET}.${subnet}`;
      const gateway = `${base}.1`;
      const libvirtNetwork = `edgeboot-${siteId}`;
      try {
        const bridge = `ebpub${subnet}`;
        const network = await createPublicNetwork(libvirtd.uri, {
          name: libvirtNetwork,
          bridge,
          gatewayAddress: gateway,
          netmask: NETMASK,
        });
        undo.defer(() => network.remove());
        networks.set(siteId, {
          libvirtNetwork,
          firstAddress: `${base}.10`,
          lastAddress: `${base}.29`,
          netmask: NETMASK,
          gateway,
          dnsServers: [gateway],
          domain: `${siteId}.edgeboot.test`,
        });
        log(`public network of ${siteId}: ${base}.0/24 on ${bridge}`);
        break;
      } catch (error) {
        if (!hasCode(error, 'INVALID_CONFIG') || subnet >= MAX_SUBNETS - 1) throw error;
        subnet++;
      }
    }
    subnet++;
  }
  const held = undo.move();
  return { libvirtd, networks, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
