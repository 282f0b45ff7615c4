/** Our mark on every domain and network that we make. What does not carry it is not ours: never looked at, never touched. */
import { create } from 'xmlbuilder2';
import * as z from 'zod';
import { HOST_LABEL, SITE_ID, ULID } from '#shared/names.ts';

export const METADATA_NAMESPACE = 'https://edgeboot.org/xmlns/1';

const clusterMarkSchema = z.object({ siteId: SITE_ID, deploymentId: ULID });
const nodeMarkSchema = z.object({
  ...clusterMarkSchema.shape,
  name: HOST_LABEL,
  role: z.enum(['frontend', 'compute']),
});

export type ClusterMark = z.infer<typeof clusterMarkSchema>;
export type NodeMark = z.infer<typeof nodeMarkSchema>;

/** The child of a network's `<metadata>`, for xmlbuilder2. */
export function clusterMetadata(mark: ClusterMark): Record<string, unknown> {
  return metadata('cluster', mark);
}

/** The child of a domain's `<metadata>`, for xmlbuilder2. */
export function nodeMetadata(mark: NodeMark): Record<string, unknown> {
  return metadata('node', mark);
}

/** @returns `undefined` when the network does not carry our mark. */
export function readClusterMark(networkXml: string): ClusterMark | undefined {
  return clusterMarkSchema.safeParse(readMark(networkXml, 'cluster')).data;
}

/** @returns `undefined` when the domain does not carry our mark. */
export function readNodeMark(domainXml: string): NodeMark | undefined {
  return nodeMarkSchema.safeParse(readMark(domainXml, 'node')).data;
}

function metadata(element: string, attributes: ClusterMark): Record<string, unknown> {
  const marked = Object.entries(attributes).map(([name, value]): [string, string] => [`@${name}`, value]);
  return { [`edgeboot:${element}`]: { '@xmlns:edgeboot': METADATA_NAMESPACE, ...Object.fromEntries(marked) } };
}

const documentSchema = z.record(z.string(), z.looseObject({ metadata: z.unknown().optional() }));
const elementsSchema = z.record(z.string(), z.record(z.string(), z.unknown()));

/** The attributes of our element; the prefix is ours because libvirt keeps what it was given. */
function readMark(xml: string, element: string): Record<string, unknown> | undefined {
  const [root] = Object.values(documentSchema.parse(create(xml).end({ format: 'object' })));
  const found = elementsSchema.safeParse(root?.metadata).data?.[`edgeboot:${element}`];
  if (found?.['@xmlns:edgeboot'] !== METADATA_NAMESPACE) return undefined;
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name.replace(/^@/, ''), value]));
}
