/**
 * What the driver has been told to make: a folder per cluster, a file per node. Written before anything of it is made and removed
 * last: whatever is there of a cluster at any moment, its folder is there too.
 */
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SITE_ID, ULID } from '#shared/names.ts';
import * as z from 'zod';
import { nodePlanSchema } from '../../core/node-machine.ts';
import { ensureDirectory, isNotThere, readIfThere, replaceFile, syncFolderOf } from '../../durable-files.ts';
import type { ClusterIdentity, NodePlan } from '../../ports.ts';

const CLUSTER_FILE = 'cluster.json';
const NODE_FILE = /^node-.+\.json$/;

const clusterSchema = z.object({ siteId: SITE_ID, deploymentId: ULID });
/** Our metadata: whose the node is; and its machine as it was made last. */
const nodeSchema = z.object({ ...clusterSchema.shape, ...nodePlanSchema.shape });

export interface Definitions {
  /** @returns whose the cluster is; `undefined` when nothing of it is here. */
  readCluster(deploymentId: string): Promise<ClusterIdentity | undefined>;
  writeCluster(cluster: ClusterIdentity): Promise<void>;
  listClusters(): Promise<readonly ClusterIdentity[]>;
  /** In the order of their names. */
  listNodes(deploymentId: string): Promise<readonly NodePlan[]>;
  writeNode(cluster: ClusterIdentity, node: NodePlan): Promise<void>;
  removeNode(deploymentId: string, nodeName: string): Promise<void>;
  /** Nothing there is fine. */
  removeCluster(deploymentId: string): Promise<void>;
  /** Of QEMU's monitor: short, whatever the node's name. */
  monitorSocket(deploymentId: string, nodeName: string): string;
}

/** @param directory only root enters it: whoever reaches a monitor's socket has the machine. */
export async function openDefinitions(directory: string): Promise<Definitions> {
  await ensureDirectory(directory, 0o700);
  const folderOf = (deploymentId: string): string => join(directory, ULID.parse(deploymentId));
  const nodeFile = (deploymentId: string, nodeName: string): string =>
    join(folderOf(deploymentId), `node-${nodeName}.json`);
  const readCluster = async (deploymentId: string): Promise<ClusterIdentity | undefined> =>
    read(join(folderOf(deploymentId), CLUSTER_FILE), clusterSchema);
  return {
    readCluster,
    writeCluster: async ({ siteId, deploymentId }) => {
      await ensureDirectory(folderOf(deploymentId), 0o700);
      await write(join(folderOf(deploymentId), CLUSTER_FILE), { siteId, deploymentId });
      await syncFolderOf(folderOf(deploymentId));
    },
    listClusters: async () => {
      const names = (await list(directory)).filter((name) => ULID.safeParse(name).success);
      return (await Promise.all(names.map(readCluster))).filter((cluster) => cluster !== undefined);
    },
    listNodes: async (deploymentId) => {
      const names = (await list(folderOf(deploymentId))).filter((name) => NODE_FILE.test(name)).sort();
      const nodes = await Promise.all(names.map((name) => read(join(folderOf(deploymentId), name), nodeSchema)));
      return nodes.filter((node) => node !== undefined);
    },
    writeNode: async ({ siteId, deploymentId }, node) => {
      await write(nodeFile(deploymentId, node.name), { siteId, deploymentId, ...node });
    },
    removeNode: (deploymentId, nodeName) => rm(nodeFile(deploymentId, nodeName), { force: true }),
    removeCluster: (deploymentId) => rm(folderOf(deploymentId), { recursive: true, force: true }),
    monitorSocket: (deploymentId, nodeName) => {
      const short = createHash('sha256').update(nodeName).digest('hex').slice(0, 8);
      return join(folderOf(deploymentId), `${short}.qmp`);
    },
  };
}

async function write(file: string, content: object): Promise<void> {
  await replaceFile(file, Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`), 0o600);
  await syncFolderOf(file);
}

/** `undefined` where there is no such file. A file that is not ours, or torn, is a bug: it was written in one step. */
async function read<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.infer<Schema> | undefined> {
  const content = await readIfThere(file);
  return content === undefined ? undefined : schema.parse(JSON.parse(content.toString()));
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isNotThere(error)) return [];
    throw error;
  }
}
