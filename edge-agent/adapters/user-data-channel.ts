/**
 * Serves DHCP and `/latest/user-data` to a cluster's nodes (formats, section 5). All private networks have the same addresses and
 * the host none in them: so each cluster's channel lives in a network namespace of its own, which is plugged into the cluster's
 * bridges and has nothing but its processes to hold it. It runs on when we end. Killing the first process takes everything with it.
 */
import { readlink } from 'node:fs/promises';
import path from 'node:path';
import { EdgebootError, hasCode, messageOf } from '#shared/errors.ts';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { type ChannelLink, type ChannelTexts, describeChannel, linkNames } from '../core/user-data-channel.ts';
import type { UserDataChannel } from '../ports.ts';
import { channelFiles, type ChannelFiles } from './user-data-files.ts';
import { isRunning, killProcess } from './process-identity.ts';
import { listensOn, type StartedChannel, startChannel } from './user-data-process.ts';

export function createUserDataChannel(): UserDataChannel {
  return {
    async open(plan) {
      const texts = describeChannel(plan);
      const files = channelFiles(plan.directory);
      if (await isServing(texts, files)) return;
      await close(plan.deploymentId, files);
      try {
        await open(texts, files);
      } catch (cause) {
        await close(plan.deploymentId, files);
        if (hasCode(cause)) throw cause;
        throw new EdgebootError('BOOT_FAILED', `user data cannot be served: ${messageOf(cause)}`, {
          remedy: 'Check the tools of this host with edgeboot-agent doctor.',
          cause,
        });
      }
    },
    close: ({ deploymentId, directory }) => close(deploymentId, channelFiles(directory)),
  };
}

/** Whoever is killed on the way leaves a process that ends by itself, or one that is on record. */
async function open(texts: ChannelTexts, files: ChannelFiles): Promise<void> {
  await files.write(texts);
  using channel = await startChannel(files.directory);
  await files.record({ process: channel.process, fingerprint: texts.fingerprint });
  for (const link of texts.links) await plugIn(link, channel);
  await channel.serve();
}

async function plugIn({ name, peer, peerMacAddress, bridge }: ChannelLink, { process }: StartedChannel): Promise<void> {
  const there = ['peer', 'name', peer, 'address', peerMacAddress, 'netns', `${process.pid}`];
  await ip('link', 'add', name, 'type', 'veth', ...there);
  // No address of the host: a port of a bridge needs none, not even for IPv6.
  await ip('link', 'set', name, 'addrgenmode', 'none');
  await ip('link', 'set', name, 'master', bridge, 'up');
}

async function close(deploymentId: string, files: ChannelFiles): Promise<void> {
  const recorded = await files.readRecord();
  if (recorded !== undefined) await killProcess(recorded.process);
  // The kernel would remove them with the namespace, but some time later.
  for (const name of linkNames(deploymentId)) await unplug(name);
  await files.remove();
}

async function unplug(name: string): Promise<void> {
  if ((await masterOf(name)) === undefined) return;
  const { exitCode, stderr } = await runCommand('ip', ['link', 'delete', name]);
  if (exitCode === 0 || /Cannot find device/.test(stderr)) return;
  throw new EdgebootError('HYPERVISOR_BUSY', `the interface ${name} cannot be removed: ${stderr.trim()}`, {
    remedy: 'Remove it with ip link delete.',
  });
}

async function isServing({ fingerprint, links }: ChannelTexts, files: ChannelFiles): Promise<boolean> {
  const recorded = await files.readRecord();
  if (recorded?.fingerprint !== fingerprint || !(await isRunning(recorded.process))) return false;
  const masters = await Promise.all(links.map(({ name }) => masterOf(name)));
  return links.every(({ bridge }, i) => masters[i] === bridge) && (await listensOn(recorded.process.pid));
}

/** The bridge that an interface is plugged into; `''` for none, `undefined` where there is no such interface. */
async function masterOf(name: string): Promise<string | undefined> {
  const folder = `/sys/class/net/${name}`;
  if (!(await isThere(folder))) return undefined;
  return readlink(`${folder}/master`).then(
    (link) => path.basename(link),
    () => '',
  );
}

const isThere = (link: string): Promise<boolean> =>
  readlink(link).then(
    () => true,
    () => false,
  );

const ip = (...args: string[]): Promise<string> =>
  runCommandOrThrow('ip', args, { environment: { ...process.env, LC_ALL: 'C' } });
