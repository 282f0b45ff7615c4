/** The member's Ed25519 key that signs manifests. Made at first use, never leaves this machine. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { type KeyPair, newKeyPair } from '#shared/keys.ts';
import { readConfigFile, writeConfigFile } from '../config-directory.ts';

const FILE = 'publishing-key.pem';

export async function readOrMakePublishingKey(): Promise<KeyPair> {
  const privateKeyPem = await readConfigFile(FILE);
  if (privateKeyPem === undefined) {
    const pair = newKeyPair();
    await writeConfigFile(FILE, pair.privateKeyPem);
    return pair;
  }
  const publicKey = createPublicKey(createPrivateKey(privateKeyPem));
  return { privateKeyPem, publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}
