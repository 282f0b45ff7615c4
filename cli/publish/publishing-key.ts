/** The member's Ed25519 key that signs manifests. Made at first use, never leaves this machine. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';
import { type KeyPair, newKeyPair } from '#shared/keys.ts';
import { configFile, readConfigFile, writeConfigFile } from '../config-directory.ts';

const FILE = 'publishing-key.pem';

/** Throws INVALID_CONFIG where the file holds something else. */
export async function readOrMakePublishingKey(): Promise<KeyPair> {
  const privateKeyPem = await readConfigFile(FILE);
  if (privateKeyPem === undefined) {
    const pair = newKeyPair();
    await writeConfigFile(FILE, pair.privateKeyPem);
    return pair;
  }
  return { privateKeyPem, publicKeyPem: publicHalf(privateKeyPem) };
}

function publicHalf(privateKeyPem: string): string {
  try {
    const privateKey = createPrivateKey(privateKeyPem);
    if (privateKey.asymmetricKeyType === 'ed25519') {
      return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
    }
  } catch {
    // The parser's words may quote the key: they stay here.
  }
  throw new EdgebootError('INVALID_CONFIG', `your publishing key, ${configFile(FILE)}, is damaged`, {
    remedy:
      'Put it back from a backup. Without one, move the file away: the next use makes a new key, ' +
      "which the federation's operator must certify (edgeboot publisher key).",
  });
}
