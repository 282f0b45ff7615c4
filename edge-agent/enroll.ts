/** Enrollment: the one-time token is exchanged for a place in the federation; the key pair never leaves this host. */
import { createHash } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { ApiClient } from '#shared/api-client.ts';
import { ENROLLMENT_TOKEN, enrollResponse } from '#shared/api/agents.ts';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { publicKeyFingerprint } from '#shared/keys.ts';
import { ulid } from 'ulid';
import type { FederationConfig } from './config.ts';
import { ensureDirectory } from './durable-files.ts';
import { forgetKeyPair, keyPairFor } from './enrollment-key.ts';
import { readIdentity, writeIdentity } from './identity.ts';

/**
 * Answers the site's id. The token carries the fingerprint of the federation's root key: an API that shows another root is not
 * believed. The key is kept before it is told, so that the same token may be tried again when the answer was lost, or the command is repeated. Enrolling again with
 * a new one keeps the agent's id, and with it the agent's clusters. Throws INVALID_REQUEST, FORBIDDEN, MANIFEST_UNTRUSTED, SERVICE_UNAVAILABLE.
 */
export async function enroll(config: FederationConfig, token: string): Promise<string> {
  const pinned = ENROLLMENT_TOKEN.exec(token)?.[3];
  if (pinned === undefined) {
    throw new EdgebootError('USAGE', 'this is no enrollment token', {
      remedy: 'Copy it whole, as "edgeboot site register" printed it: enroll.<site>.<secret>.<fingerprint>',
    });
  }
  await prepareStateDirectory(config.stateDirectory);
  const earlier = await readIdentity(config.stateDirectory).catch(() => undefined);
  const tokenSha256 = createHash('sha256').update(token).digest('hex');
  const { privateKeyPem, publicKeyPem } = await keyPairFor(tokenSha256, config.stateDirectory, earlier);
  const agentId = earlier?.agentId ?? ulid();
  const client = new ApiClient(config.apiUrl, () => Promise.resolve(undefined));
  try {
    const body = { token, publicKeyPem };
    const answer = await client.call({ method: 'POST', path: '/v1/enrollments', body, answer: enrollResponse });
    const { siteId, rootPublicKeyPem, audience } = answer;
    if (publicKeyFingerprint(rootPublicKeyPem) !== pinned) {
      throw new EdgebootError('MANIFEST_UNTRUSTED', "the API shows another root key than the token's", {
        remedy:
          'Somebody may stand between you and the API. Check its address; ask the federation operator for a new token.',
      });
    }
    const told = { siteId, rootPublicKeyPem, audience };
    await writeIdentity(config.stateDirectory, { ...told, agentId, privateKeyPem, tokenSha256 });
    await forgetKeyPair(config.stateDirectory);
    return siteId;
  } finally {
    await client.close();
  }
}

/** Before the token is used up: it must be possible to keep what it is exchanged for. Throws INVALID_CONFIG. */
async function prepareStateDirectory(directory: string): Promise<void> {
  try {
    await ensureDirectory(directory, 0o711);
    await access(directory, constants.W_OK);
  } catch (error) {
    throw new EdgebootError('INVALID_CONFIG', `stateDirectory cannot be used: ${messageOf(error)}`, { cause: error });
  }
}
