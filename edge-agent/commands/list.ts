/** `edgeboot-agent list`: what repositories have, and the clusters of this host. */
import { Command } from 'commander';
import { table } from '#shared/terminal/columns.ts';
import { listClusters, type ListedCluster } from '../standalone/clusters.ts';
import { composeRepositories } from '../standalone/compose.ts';
import { listRepository, type ListedImage, repositoriesOf } from '../standalone/repository.ts';
import { type CommonOptions, outputOption, print, repositoryOption, withHost } from './common.ts';
import { configOption, readConfigIfAny } from './config-option.ts';

export function listCommand(interruption: AbortSignal): Command {
  const list = new Command('list').description('What repositories have, and the clusters of this host.');
  list
    .command('repository')
    .description('The virtual clusters that a repository has.')
    .addOption(repositoryOption())
    .addOption(configOption())
    .addOption(outputOption())
    .action(async (options: CommonOptions & { repository?: string }) => {
      const config = await readConfigIfAny(options.config);
      const listed: ListedImage[] = [];
      for (const { address } of repositoriesOf(config, options.repository)) {
        listed.push(...(await listRepository(address, await composeRepositories(config), interruption)));
      }
      print(options, listed, () =>
        table([['NAME', 'KIND', 'REPOSITORY'], ...listed.map((one) => [one.name, one.kind, one.repository])]),
      );
    });
  list
    .command('cluster')
    .description('The clusters of this host; with a name, its nodes.')
    .argument('[name]')
    .addOption(configOption())
    .addOption(outputOption())
    .action((name: string | undefined, options: CommonOptions) =>
      withHost(options.config, async ({ ports }) => {
        const clusters = await listClusters(ports, name);
        print(options, clusters, () =>
          name === undefined ? clustersTable(clusters) : clusters.map(nodesTable).join('\n'),
        );
      }),
    );
  return list;
}

function clustersTable(clusters: readonly ListedCluster[]): string {
  const rows = clusters.map(({ name, image, publicAddress, nodes, owner, startedAt }) => {
    const running = nodes.filter((node) => node.running).length;
    return [name, image, publicAddress, `${running} of ${nodes.length}`, owner, startedAt];
  });
  return table([['NAME', 'IMAGE', 'ADDRESS', 'NODES ON', 'OWNER', 'BOOTED'], ...rows]);
}

export function nodesTable({ nodes, publicAddress }: ListedCluster): string {
  const rows = nodes.map(({ name, running, cpus, memoryMiB, privateAddress }) => [
    name,
    running ? 'on' : 'off',
    String(cpus),
    `${memoryMiB} MiB`,
    privateAddress,
    name === 'frontend' ? publicAddress : '-',
  ]);
  return table([['NODE', 'STATE', 'CPUS', 'MEMORY', 'PRIVATE', 'PUBLIC'], ...rows]);
}
