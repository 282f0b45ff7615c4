/** The grant that a stand-alone fetch uses: a file that whoever minted it keeps fresh. */
import { readFile } from 'node:fs/promises';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { type Grant, grantSchema } from '#shared/grant.ts';

/** Read again whenever the edge refuses the last one. Throws USAGE where it is no grant. */
export async function readGrantFile(file: string): Promise<Grant> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw noGrant(`cannot read the grant: ${messageOf(error)}`);
  });
  try {
    return grantSchema.parse(JSON.parse(text));
  } catch {
    // What is wrong with it is not said: it is a secret.
    throw noGrant(`${file} holds no grant`);
  }
}

const noGrant = (what: string): EdgebootError =>
  new EdgebootError('USAGE', what, {
    remedy: 'A grant is the JSON object that the API answers to a renewal: baseUrl, signedQuery, resource, expiresAt.',
  });
