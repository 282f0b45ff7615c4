/** A whole federation for end-to-end tests, with the sample image built; everything is gone when the suite ends. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import type { Deployment } from '#shared/deployment.ts';
import { DEBIAN_QEMU_USER, probeAcceleration } from '#shared/host/probe-acceleration.ts';
import { awsClients, type AwsClients } from '../../local/aws/services.ts';
import { makeSshKey } from '../../local/demo/proof.ts';
import { type Federation, type FederationOptions, startFederation } from '../../local/federation/federation.ts';
import { findLeftovers } from '../../local/federation/leftovers.ts';
import type { ProgramResult } from '../../local/federation/program.ts';
import { findSecrets } from './secrets.ts';
import { buildGuest, type BuiltGuest } from '../guests/build-guest.ts';

export const IMAGE_NAME = 'demo-cluster';
const NODE_MEMORY_MIB = '128';

export interface RunningFederation {
  readonly federation: Federation;
  readonly disks: BuiltGuest;
  readonly aws: AwsClients;
  readonly directory: string;
  readonly keyFile: string;
  /** What cloud, functions and libvirtd have logged so far. */
  readonly lines: readonly string[];
  /** `edgeboot deployment create … --wait`; extra arguments replace earlier ones. */
  create(site: string, ...more: string[]): Promise<ProgramResult>;
  /** The same, which must succeed. */
  run(site: string, ...more: string[]): Promise<Deployment>;
  destroy(deployment: Pick<Deployment, 'deploymentId'>): Promise<void>;
  leftovers(): Promise<string[]>;
}

export interface RunningFederationOptions extends Pick<FederationOptions, 'siteIds' | 'agents' | 'distribution'> {
  /** Called before the agents start. */
  readonly beforeAgents?: (federation: Federation) => Promise<void>;
}

/** Only inside namespaces: see in-namespaces.ts. `undo` is disposed by the suite. */
export async function runFederation(
  undo: AsyncDisposableStack,
  options: RunningFederationOptions,
): Promise<RunningFederation> {
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const acceleration = await probeAcceleration({ qemuUser: DEBIAN_QEMU_USER });
  const capacity = { cpus: 16 };
  const agents = Object.fromEntries(options.siteIds.map((id) => [id, { capacity, ...options.agents?.[id] }]));
  const [disks, federation] = await Promise.all([
    buildGuest('sample', log),
    startFederation({ ...options, directory, acceleration, log, agents }),
  ]);
  // When all have ended: whatever a suite did to them, none of them has told a secret.
  undo.defer(() => {
    requireNoSecrets(federation, lines);
  });
  undo.use(federation);
  const { member, cloud } = federation;
  await member.ask([
    ...['image', 'publish', IMAGE_NAME],
    ...['--frontend', disks.frontendDisk, '--compute', disks.computeDisk],
  ]);
  await options.beforeAgents?.(federation);
  await federation.startAgents();
  const keyFile = await makeSshKey(member.file('ssh'));
  const aws = awsClients(cloud.endpoints);
  undo.defer(() => aws.destroy());

  const createArguments = (site: string, more: readonly string[]): string[] => [
    ...['deployment', 'create', IMAGE_NAME, '--site', site, '--key', `${keyFile}.pub`],
    ...['--memory', NODE_MEMORY_MIB, '--wait', ...more],
  ];
  return {
    federation,
    disks,
    aws,
    directory,
    keyFile,
    lines,
    create: (site, ...more) => member.run(createArguments(site, more)),
    run: (site, ...more) => member.ask<Deployment>(createArguments(site, more)),
    async destroy({ deploymentId }) {
      await member.ask(['deployment', 'destroy', deploymentId, '--wait']);
    },
    leftovers: () => findLeftovers(federation),
  };
}

function requireNoSecrets({ agents, member, guest, operator }: Federation, lines: readonly string[]): void {
  const said: Record<string, string> = { 'the cloud': lines.join('\n') };
  for (const { siteId, log, words } of agents.values()) said[`the agent of ${siteId}`] = JSON.stringify(log) + words;
  for (const { id, words } of [member, guest, operator]) said[`the commands of ${id}`] = words;
  const found = Object.entries(said).flatMap(([whose, text]) => findSecrets(text).map((what) => `${what}: ${whose}`));
  assert.deepEqual(found, [], 'secrets were told');
}
