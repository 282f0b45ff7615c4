/** The demo's story, top-down. Whatever it starts is stopped again, in every case. */
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import type { ImageVersion } from '#shared/api/images.ts';
import { DEBIAN_QEMU_USER, probeAcceleration } from '#shared/host/probe-acceleration.ts';
import { type Federation, startFederation } from '../federation/federation.ts';
import { findLeftovers } from '../federation/leftovers.ts';
import { buildSampleImage } from '../sample-image/build-sample-image.ts';
import { Narrator } from './narrator.ts';
import { DEMO_SITES, type DemoOptions } from './options.ts';
import { askEveryNode, makeSshKey, sshArguments } from './proof.ts';
import { timelineText } from './timeline.ts';

const IMAGE_NAME = 'demo-cluster';
const NODE_MEMORY_MIB = 128;
/** The guests are tiny: a small machine may carry more virtual CPUs than it has real ones. */
const SITE_SETTINGS = Object.fromEntries(DEMO_SITES.map((siteId) => [siteId, { capacity: { cpus: 16 } }]));
/** Debian's packages are kept between runs, nothing else. */
const PACKAGE_CACHE = 'build/debian-packages';

/** Throws CANCELED when `signal` is aborted; cleans up first in every case. */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const narrator = new Narrator();
  await using undo = new AsyncDisposableStack();
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  // After a failure the logs are what one wants to see.
  let finished = false;
  undo.defer(async () => {
    if (!finished && !signal.aborted) narrator.say(`the logs are in ${await keepLogs(directory)}`);
  });
  // The hypervisor's user passes through; nobody else's business is in the names below.
  await chmod(directory, 0o711);
  const log = narrator.logTo(path.join(directory, 'demo.log'));
  undo.use(log);

  const imaging = narrator.step('building the sample image', () =>
    buildSampleImage({ directory: path.join(directory, 'image'), cacheDirectory: PACKAGE_CACHE, log: log.write }),
  );
  imaging.catch(() => undefined);
  const acceleration = await probeAcceleration({ qemuUser: DEBIAN_QEMU_USER });
  if (acceleration === 'emulation') narrator.say('KVM does not truly work here: guests run under emulation, slowly');
  const federation = undo.use(
    await narrator.step(`starting the embedded cloud, and a host for ${DEMO_SITES.join(' and ')}`, () =>
      startFederation({ directory, siteIds: DEMO_SITES, acceleration, log: log.write, agents: SITE_SETTINGS }),
    ),
  );
  const disks = await imaging;
  signal.throwIfAborted();

  const { member } = federation;
  const image = await narrator.step(`publishing ${IMAGE_NAME}, as the member ${member.id}`, () =>
    member.ask<ImageVersion & { upload: { uploadedObjects: number; uploadedBytes: number } }>(
      ['image', 'publish', IMAGE_NAME, '--frontend', disks.frontendDisk, '--compute', disks.computeDisk],
      narrator.detail,
      signal,
    ),
  );
  await narrator.step('enrolling and starting the agents', () => federation.startAgents());
  signal.throwIfAborted();

  const keyFile = await makeSshKey(member.file('ssh'));
  const deployment = await narrator.step(
    `deploying 1 frontend and ${options.computes} computes at ${options.site}`,
    () =>
      member.ask<Deployment>(
        [
          ...['deployment', 'create', `${IMAGE_NAME}@${image.version}`, '--site', options.site, '--wait'],
          ...['--computes', String(options.computes), '--key', `${keyFile}.pub`, '--memory', String(NODE_MEMORY_MIB)],
        ],
        narrator.detail,
        signal,
      ),
  );
  const frontend = frontendAddressOf(deployment);
  narrator.say(`timeline\n${timelineText(deployment, await readEvents(federation, deployment))}`);
  narrator.data(
    `demo: RUNNING deployment=${deployment.deploymentId} site=${options.site} frontend=${frontend} computes=${options.computes}`,
  );

  const names = await narrator.step('logging in to the frontend, and from there to every compute', () =>
    askEveryNode(keyFile, frontend, options.computes),
  );
  narrator.say(`answered: ${names.join(', ')}`);
  signal.throwIfAborted();

  if (options.keep) await keepUntilStopped(federation, keyFile, frontend, narrator, signal);
  await narrator.step('destroying the cluster', () =>
    member.ask(['deployment', 'destroy', deployment.deploymentId, '--wait'], narrator.detail),
  );
  await narrator.step('checking that nothing is left', () => requireNothingLeft(federation));
  finished = true;
  await narrator.step('stopping the federation', () => undo.disposeAsync());
  narrator.data('demo: OK');
}

async function keepLogs(directory: string): Promise<string> {
  const kept = 'build/demo-logs';
  await rm(kept, { recursive: true, force: true });
  await mkdir(kept, { recursive: true });
  const logs = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.log'));
  for (const name of logs) await copyFile(path.join(directory, name), path.join(kept, name.replaceAll('/', '-')));
  return kept;
}

function frontendAddressOf({ nodes, failure }: Deployment): string {
  const address = nodes?.find(({ role }) => role === 'frontend')?.publicAddress;
  if (address === undefined) throw new Error(`no frontend: ${failure?.message ?? 'the deployment has no nodes'}`);
  return address;
}

async function readEvents({ cloud, member }: Federation, deployment: Deployment): Promise<readonly DeploymentEvent[]> {
  const token = await cloud.issuer.issueToken(member.id);
  const answer = await fetch(`${cloud.apiUrl}/v1/deployments/${deployment.deploymentId}/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return ((await answer.json()) as { events: DeploymentEvent[] }).events;
}

async function keepUntilStopped(
  { cloud, member }: Federation,
  keyFile: string,
  frontend: string,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<void> {
  narrator.say(
    [
      'everything stays up',
      `  log in:   ssh ${sshArguments(keyFile, frontend).join(' ')}`,
      `  the API:  ${cloud.apiUrl}`,
      `  the CLI:  EDGEBOOT_CONFIG_DIRECTORY=${member.file('config')} cli/bin/edgeboot deployment list`,
      '  to stop:  Ctrl-C here',
    ].join('\n'),
  );
  if (!signal.aborted) await once(signal, 'abort');
}

async function requireNothingLeft(federation: Federation): Promise<void> {
  const left = await findLeftovers(federation);
  if (left.length > 0) throw new Error(`left behind:\n  ${left.join('\n  ')}`);
}
