/**
 * Which deployments use an image version, and whether another one may: a row for each use, and gates in front of them, rows that count
 * the uses and that a recall or a deletion closes for ever. Who makes something of a version does so in one transaction with a gate; so
 * of a deletion and a deployment that race, one loses (docs/decisions/0032). A version has a gate for each last character that an id
 * can have, since transactions that meet at one row refuse each other.
 */
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { type VersionUse, versionUseSchema } from '#shared/image/catalog.ts';
import type { Key, Table, Write } from './dynamodb-table.ts';

export interface VersionOf {
  readonly imageId: string;
  readonly imageVersion: number;
}

/** The last characters of ULIDs. */
const GATES = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.split('');
const OPEN = 'attribute_not_exists(closed)';

const partition = (imageId: string): string => `IMAGE#${imageId}`;
const padded = (version: number): string => String(version).padStart(10, '0');
/** @param id of what is made of the version, a ULID */
const gateKey = ({ imageId, imageVersion }: VersionOf, id: string): Key => ({
  pk: partition(imageId),
  sk: `GATE#${padded(imageVersion)}#${id.slice(-1)}`,
});
const usePrefix = (version: number): string => `USE#${padded(version)}#`;
const useKey = ({ imageId, imageVersion, deploymentId }: Deployment): Key => ({
  pk: partition(imageId),
  sk: usePrefix(imageVersion) + deploymentId,
});

/** The gate first: a refused condition at its position means that it is closed. */
export function beginUse(table: Table, deployment: Deployment): Write[] {
  const { deploymentId, memberId, siteId } = deployment;
  const use: VersionUse = { deploymentId, memberId, siteId };
  return [countUse(table, deployment, 1, OPEN), table.put({ ...useKey(deployment), ...use })];
}

export function endUse(table: Table, deployment: Deployment): Write[] {
  return [countUse(table, deployment, -1), table.remove(useKey(deployment))];
}

function countUse(table: Table, deployment: Deployment, by: 1 | -1, condition?: string): Write {
  return {
    Update: {
      TableName: table.name,
      Key: gateKey(deployment, deployment.deploymentId),
      UpdateExpression: 'ADD uses :by',
      ExpressionAttributeValues: { ':by': by },
      ...(condition !== undefined && { ConditionExpression: condition }),
    },
  };
}

/** Refused where the version is recalled or deleted. @param id of what is made of it, or of the image where that is none */
export function checkOpen(table: Table, version: VersionOf, id: string): Write {
  return { ConditionCheck: { TableName: table.name, Key: gateKey(version, id), ConditionExpression: OPEN } };
}

/** A recall closes the gates behind those that use the version; a deletion needs that there are none. */
export function closeGates(table: Table, version: VersionOf, why: 'recalled' | 'deleted'): Write[] {
  const isDeletion = why === 'deleted';
  return GATES.map((gate) => ({
    Update: {
      TableName: table.name,
      Key: gateKey(version, gate),
      UpdateExpression: 'SET closed = :why',
      ExpressionAttributeValues: { ':why': why, ...(isDeletion && { ':none': 0 }) },
      ...(isDeletion && { ConditionExpression: 'attribute_not_exists(uses) OR uses = :none' }),
    },
  }));
}

/** What to throw where the gate was found closed. */
export async function closedError(table: Table, version: VersionOf & { readonly imageName: string }, id: string) {
  const gate = await table.get(gateKey(version, id));
  const named = `version ${version.imageVersion} of ${version.imageName}`;
  return gate?.['closed'] === 'recalled'
    ? new EdgebootError('IMAGE_RECALLED', `${named} was recalled a moment ago`)
    : new EdgebootError('NOT_FOUND', `${named} was deleted a moment ago`);
}

export async function listUses(table: Table, { imageId, imageVersion }: VersionOf): Promise<readonly VersionUse[]> {
  const items = await table.queryPrefix(partition(imageId), usePrefix(imageVersion));
  return items.map((item) => versionUseSchema.parse(item));
}
