/** `edgeboot-agent boot`: a virtual cluster of a repository, on this host. */
import { Command } from 'commander';
import { EdgebootError } from '#shared/errors.ts';
import { table } from '#shared/terminal/columns.ts';
import { type ExtraNetwork, parseExtraNetworks } from '../core/extra-interfaces.ts';
import { type ClusterPlan, clusterName } from '../core/plan-cluster.ts';
import { Stopwatch, type Work } from '../run.ts';
import { boot } from '../standalone/boot.ts';
import { listClusters } from '../standalone/clusters.ts';
import type { Standalone } from '../standalone/compose.ts';
import { parseCount, parseMemory, readPublicKeys } from '../standalone/options.ts';
import { showProgress } from '../standalone/progress.ts';
import { repositoriesOf } from '../standalone/repository.ts';
import { type CommonOptions, outputOption, print, repositoryOption, withHost } from './common.ts';
import { configOption, readConfigIfAny } from './config-option.ts';
import { nodesTable } from './list.ts';

interface BootOptions extends CommonOptions {
  readonly repository?: string;
  readonly key?: string;
  readonly memory?: string;
  readonly computes?: string;
  readonly addIface?: string;
  readonly acceptChanges?: boolean;
}

export function bootCommand(interruption: AbortSignal): Command {
  return new Command('boot')
    .description('Boot a virtual cluster of a repository on this host. No account, no federation.')
    .argument('<vc>', 'its name in the repository')
    .argument('<cpus>', 'CPUs of all computes together; 0 for a frontend alone')
    .addOption(repositoryOption())
    .option('--key <file>', 'public keys that may log in as root; unless given, your own ~/.ssh/id_*.pub')
    .option('--memory <MiB>', 'N, or FRONTEND:COMPUTE; unless given, what the image says, else 2048')
    .option('--computes <n>', 'compute nodes that share the CPUs; one unless given')
    .option('--add-iface <net[:cidr],…>', "interfaces on every node, to networks of this host's")
    .option('--accept-changes', 'the image has changed since it was first seen, and you know why')
    .addOption(configOption())
    .addOption(outputOption())
    .action(async (name: string, cpusText: string, options: BootOptions) => {
      const cpus = parseCount(cpusText, 'CPUs');
      const computes = options.computes === undefined ? undefined : parseCount(options.computes, 'computes');
      const memoryMiB = options.memory === undefined ? undefined : parseMemory(options.memory);
      const extraNetworks: ExtraNetwork[] = options.addIface === undefined ? [] : parseExtraNetworks(options.addIface);
      const sshPublicKeys = await readPublicKeys(options.key);
      const config = await readConfigIfAny(options.config);
      const repository = requireOne(repositoriesOf(config, options.repository));
      const acceptChanges = options.acceptChanges === true;
      await withHost(options.config, async ({ ports }) => {
        const work: Work = { signal: interruption, stopwatch: new Stopwatch() };
        const progress = showProgress(process.stderr);
        const wish = { repository, name, acceptChanges, cpus, computes, memoryMiB, sshPublicKeys, extraNetworks };
        const plan = await boot(wish, work, progress, ports).finally(() => progress.stop());
        await printBooted(plan, work, options, ports);
      });
    });
}

function requireOne(addresses: readonly { readonly address: string }[]): string {
  const [first, ...others] = addresses;
  if (first !== undefined && others.length === 0) return first.address;
  throw new EdgebootError('USAGE', first === undefined ? 'no repository is named' : 'the configuration has several', {
    remedy: 'Name one: --repository DIRECTORY or --repository http://…',
  });
}

async function printBooted(
  plan: ClusterPlan,
  work: Work,
  options: CommonOptions,
  ports: Standalone['ports'],
): Promise<void> {
  const [cluster] = await listClusters(ports, clusterName(plan));
  const { steps } = work.stopwatch;
  print(options, { ...cluster, steps }, () =>
    [
      table([['STEP', 'SECONDS'], ...steps.map(({ name, seconds }) => [name, seconds.toFixed(1)])]),
      '',
      ...(cluster === undefined ? [] : [nodesTable(cluster)]),
      '',
      `${clusterName(plan)} is up: ssh root@${plan.publicAddress}`,
    ].join('\n'),
  );
}
