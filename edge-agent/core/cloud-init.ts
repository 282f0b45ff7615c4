/**
 * What an ordinary cloud image (cloud-init, no guest kit) needs to join a cluster: a NoCloud seed, made from the same plan as the
 * guest's document. User data is cloud-config; the network is configuration version 2
 * (cloudinit.readthedocs.io: NoCloud, cloud config examples, networking config version 2).
 */
import { stringify } from 'yaml';
import type { SeedFiles } from '../ports.ts';
import { type ClusterPlan, clusterName, type PlannedNode } from './plan-cluster.ts';
import { READY_PORT_NAME } from './node-machine.ts';

const CLUSTER_KEY_PATH = '/root/.ssh/edgeboot-cluster-key';
/** Run by cloud-init at every boot, after the others. */
const PER_BOOT_SCRIPT = '/var/lib/cloud/scripts/per-boot/edgeboot-cluster';

/** The key pair of the frontend, which its computes trust. */
export interface ClusterKey {
  readonly publicKey: string;
  /** OpenSSH's own format. */
  readonly privateKey: string;
}

/** The cluster's key pair, from its directory; made where there is none. It goes when the directory goes. */
export type ClusterKeys = (clusterDirectory: string) => Promise<ClusterKey>;

export function cloudInitSeed(plan: ClusterPlan, node: PlannedNode, clusterKey: ClusterKey): SeedFiles {
  const hostname = node.role === 'frontend' ? clusterName(plan) : node.name;
  return {
    // A fresh one for each node: cloud-init takes the image's earlier life for another machine.
    metaData: toYaml({ 'instance-id': `${plan.deploymentId}-${node.name}`, 'local-hostname': hostname }),
    userData: `#cloud-config\n${toYaml(userData(plan, node, hostname, clusterKey))}`,
    networkConfig: toYaml(networkConfig(plan, node)),
  };
}

/** A script on lines of its own, as it is. */
const toYaml = (value: object): string => stringify(value, { lineWidth: 0 });

function userData(plan: ClusterPlan, node: PlannedNode, hostname: string, clusterKey: ClusterKey) {
  const isFrontend = node.role === 'frontend';
  const trusted = isFrontend ? plan.sshPublicKeys : [...plan.sshPublicKeys, clusterKey.publicKey];
  return {
    hostname,
    ...(isFrontend && { fqdn: plan.fqdn }),
    manage_etc_hosts: false,
    disable_root: false,
    ssh_pwauth: false,
    ...(isFrontend && { bootcmd: machinefileCommands(plan) }),
    users: [{ name: 'root', ssh_authorized_keys: trusted }],
    write_files: [
      { path: '/etc/hosts', content: hosts(plan, node), permissions: '0644' },
      { path: PER_BOOT_SCRIPT, content: PER_BOOT_CONTENT, permissions: '0755' },
      ...(isFrontend
        ? [
            { path: CLUSTER_KEY_PATH, content: clusterKey.privateKey, permissions: '0600' },
            { path: '/root/.ssh/config', content: sshConfig(plan), permissions: '0600' },
          ]
        : []),
    ],
  };
}

function hosts(plan: ClusterPlan, node: PlannedNode): string {
  const [frontend] = plan.nodes;
  const known = node.role === 'frontend' ? plan.nodes : plan.nodes.filter((one) => one === frontend || one === node);
  const lines = known.map((one) =>
    one.role === 'frontend'
      ? `${one.privateAddress} ${clusterName(plan)} ${plan.fqdn}`
      : `${one.privateAddress} ${one.name}`,
  );
  return ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback', ...lines, ''].join('\n');
}

/** Only computes, and only their addresses on the cluster's own network: their host keys are made at first boot. */
function sshConfig(plan: ClusterPlan): string {
  const computes = plan.nodes.filter((node) => node.role === 'compute');
  const names = computes.flatMap((node) => [node.name, node.privateAddress]);
  if (names.length === 0) return '';
  return [
    `Host ${names.join(' ')}`,
    `  IdentityFile ${CLUSTER_KEY_PATH}`,
    '  StrictHostKeyChecking accept-new',
    '',
  ].join('\n');
}

/** Run at every boot, before anybody can log in. Every name in it has passed an allow-list of letters, digits and hyphens. */
function machinefileCommands(plan: ClusterPlan): string[] {
  const computes = plan.nodes.filter((one) => one.role === 'compute');
  const lines = computes.flatMap(({ name, cpus }) => Array.from({ length: cpus }, () => name));
  return lines.length === 0 ? [] : [`printf '%s\\n' ${lines.join(' ')} > /tmp/machinefile`];
}

/** Said again and again: the host may listen late. */
const PER_BOOT_CONTENT = `#!/bin/sh
( port=/dev/virtio-ports/${READY_PORT_NAME}; while sleep 1; do echo READY > "$port"; done ) > /dev/null 2>&1 &
`;

function networkConfig(plan: ClusterPlan, node: PlannedNode) {
  const { publicNetwork, privateNetwork } = plan;
  const bits = (netmask: string): number =>
    netmask
      .split('.')
      .map((octet) => Number(octet).toString(2).replaceAll('0', '').length)
      .reduce((sum, count) => sum + count, 0);
  const nameservers = { addresses: [...publicNetwork.dnsServers] };
  const ethernet = (macAddress: string, address: string, netmask: string, more: object = {}) => ({
    match: { macaddress: macAddress },
    addresses: [`${address}/${bits(netmask)}`],
    ...more,
  });
  const gateway = (via: string) => ({ routes: [{ to: '0.0.0.0/0', via }], nameservers });
  const { publicMacAddress, privateMacAddress, privateAddress } = node;
  const { netmask } = privateNetwork;
  const extras = node.extraInterfaces.flatMap(({ network, macAddress, address, netmask: mask }) =>
    address === undefined || mask === undefined ? [] : [[network, ethernet(macAddress, address, mask)] as const],
  );
  const own =
    publicMacAddress === undefined
      ? { private: ethernet(privateMacAddress, privateAddress, netmask, gateway(privateNetwork.frontendAddress)) }
      : {
          private: ethernet(privateMacAddress, privateAddress, netmask),
          public: ethernet(publicMacAddress, plan.publicAddress, publicNetwork.netmask, gateway(publicNetwork.gateway)),
        };
  return { version: 2, ethernets: { ...own, ...Object.fromEntries(extras) } };
}
