/** A host that boots clusters without a federation: its own libvirtd where that is the driver, NAT, and the agent's commands. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { stringify } from 'yaml';
import { makeSshKey } from '../../local/demo/proof.ts';
import { EDGEBOOT_AGENT, type ProgramResult, runProgram } from '../../local/federation/program.ts';
import { makeHostDirectory, startLibvirtHost } from './libvirt-host.ts';

export interface StandaloneHost {
  readonly directory: string;
  readonly keyFile: string;
  /** `edgeboot-agent …` with this host's configuration. */
  run(...args: string[]): Promise<ProgramResult>;
  /** The same, which must succeed; what it printed as JSON. */
  ask<Answer>(...args: string[]): Promise<Answer>;
  /** Runs a command in a guest, as its member, or with another key. */
  ssh(address: string, command: string, keyFile?: string): Promise<string>;
  /** What should not be there when every cluster is clean. */
  leftovers(): Promise<string[]>;
}

export interface StandaloneHostOptions {
  readonly driver: 'libvirt' | 'qemu';
  /** More settings of the agent's configuration. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Only inside namespaces: see in-namespaces.ts. */
export async function startStandaloneHost(t: TestContext, options: StandaloneHostOptions): Promise<StandaloneHost> {
  const { directory, connection } = await startDriver(t, options.driver);
  const stateDirectory = join(directory, 'state');
  await mkdir(stateDirectory, { mode: 0o711 });
  const configFile = join(directory, 'agent.yaml');
  const settings = { capacity: { cpus: 16 }, readyTimeoutSeconds: 600, ...options.settings };
  await writeFile(configFile, stringify({ driver: options.driver, ...connection, stateDirectory, ...settings }));
  const keyFile = await makeSshKey(join(directory, 'ssh'));
  const run = async (...args: string[]): Promise<ProgramResult> => {
    const begin = performance.now();
    const result = await runProgram(EDGEBOOT_AGENT, [...args, '--config', configFile], {
      onWords: (line) => t.diagnostic(line),
    });
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    t.diagnostic(`edgeboot-agent ${args.join(' ')}: ${result.exitCode} after ${seconds} s\n${result.stdout}`);
    return result;
  };
  return {
    directory,
    keyFile,
    run,
    ask: async <Answer>(...args: string[]) => {
      const { exitCode, stdout, stderr } = await run(...args, '--output', 'json');
      if (exitCode !== 0) throw new Error(`edgeboot-agent ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
      return JSON.parse(stdout) as Answer;
    },
    ssh: (address, command, key = keyFile) =>
      runCommandOrThrow('ssh', [
        ...['-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=60'],
        ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
        ...[`root@${address}`, command],
      ]),
    leftovers: () => findLeftovers(stateDirectory),
  };
}

async function startDriver(t: TestContext, driver: StandaloneHostOptions['driver']) {
  if (driver === 'qemu') return { ...(await makeHostDirectory(t)), connection: {} };
  const { directory, libvirtd } = await startLibvirtHost(t);
  return { directory, connection: { libvirtUri: libvirtd.uri } };
}

async function findLeftovers(stateDirectory: string): Promise<string[]> {
  const linesOf = async (command: string, args: readonly string[], pattern: RegExp): Promise<string[]> =>
    (await runCommand(command, args)).stdout.split('\n').filter((line) => pattern.test(line));
  return [
    ...(await linesOf('ip', ['-oneline', 'link'], /edgeboot|eb-|ebt|vnet|tap|veth/)),
    ...(await linesOf('nft', ['list', 'tables'], /edgeboot/)),
    // Not those that have ended, and whom nobody has asked for how: the first process of a namespace may be no good parent.
    ...(await linesOf('ps', ['-e', '-o', 'state,args'], /^[^Z] .*(?:qemu-system|dnsmasq|busybox httpd)/)),
    ...(await linesOf('find', [stateDirectory, '-mindepth', '2'], /\/(?:clusters|journal|qemu)\//)),
  ];
}
