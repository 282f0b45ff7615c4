/** What is left of clusters on this machine: nothing, once they are destroyed. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { GetQueueAttributesCommand, ListQueuesCommand } from '@aws-sdk/client-sqs';
import { awsClients } from '../aws/services.ts';
import type { Federation } from './federation.ts';
import { runProgram } from './program.ts';

/** One line per thing that is left: domains, networks, bridges, overlays, journal entries, processes, mounts, messages. */
export async function findLeftovers({ cloud, host, agents }: Federation): Promise<string[]> {
  const directories = [...agents.values()].map((agent) => agent.stateDirectory);
  const found = await Promise.all([
    virsh(host.libvirtd.uri, 'list', '--all', '--name').then(named('domain')),
    virsh(host.libvirtd.uri, 'net-list', '--all', '--name')
      .then((names) => names.filter((name) => ![...host.networks.values()].some((net) => net.libvirtNetwork === name)))
      .then(named('network')),
    clusterBridges().then(named('bridge')),
    ...directories.map((directory) => listFiles(path.join(directory, 'clusters')).then(named('overlay'))),
    ...directories.map((directory) => listFiles(path.join(directory, 'journal')).then(named('journal entry'))),
    processesBelow(directories.map((directory) => path.join(directory, 'clusters'))).then(named('process')),
    mountsBelow(directories.map((directory) => path.join(directory, 'clusters'))).then(named('mount')),
    waitingMessages(cloud.endpoints).then(named('queue')),
  ]);
  return found.flat();
}

const named =
  (what: string) =>
  (names: readonly string[]): string[] =>
    names.map((name) => `${what} ${name}`);

async function virsh(uri: string, ...args: string[]): Promise<string[]> {
  const { stdout, exitCode, stderr } = await runProgram('virsh', ['--quiet', '--connect', uri, ...args]);
  if (exitCode !== 0) throw new Error(`virsh ${args[0] ?? ''}: ${stderr.trim()}`);
  return stdout.split('\n').filter(Boolean);
}

/** Bridges of clusters' private networks, whatever libvirt thinks (libvirt-names.ts: `eb-` and 12 characters of the id). */
async function clusterBridges(): Promise<string[]> {
  return (await readdir('/sys/class/net')).filter((name) => /^eb-[0-9a-z]{12}$/.test(name));
}

async function listFiles(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

/** Processes with one of these paths on their command line. */
async function processesBelow(directories: readonly string[]): Promise<string[]> {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const isZombie = (await readlink(`/proc/${pid}/exe`).catch(() => '')) === '';
    if (!isZombie && directories.some((directory) => commandLine.includes(directory)))
      found.push(`${pid} ${commandLine.split('\0')[0] ?? ''}`);
  }
  return found;
}

async function mountsBelow(directories: readonly string[]): Promise<string[]> {
  const points = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  return points.filter((point) => directories.some((directory) => point.startsWith(directory)));
}

/** Queues, the dead-letter queue among them, that hold messages, visible or not. */
async function waitingMessages(endpoints: Federation['cloud']['endpoints']): Promise<string[]> {
  const { sqs } = awsClients(endpoints);
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
  const found = [];
  for (const QueueUrl of QueueUrls) {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    const count =
      Number(Attributes['ApproximateNumberOfMessages']) + Number(Attributes['ApproximateNumberOfMessagesNotVisible']);
    if (count > 0) found.push(`${QueueUrl.split('/').at(-1) ?? ''}: ${count} messages`);
  }
  sqs.destroy();
  return found;
}
