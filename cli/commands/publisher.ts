/** `edgeboot publisher`: whose keys may sign images. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { certifyPublisherRequest, certifyPublisherResponse } from '#shared/api/trust.ts';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { issueCertificate } from '#shared/image/publisher-certificate.ts';
import type * as z from 'zod';
import { wholeNumber } from '../option-values.ts';
import { printData, say } from '../output.ts';
import { readOrMakePublishingKey } from '../publish/publishing-key.ts';
import { openApi } from '../session.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Ten years. */
const MAX_DAYS = 3653;
const MAX_MEMBER_ID_CHARACTERS = 255;

export function publisherCommand(): Command {
  const publisher = new Command('publisher').description('Whose keys may sign images.');
  publisher
    .command('key')
    .description('Print the public half of your publishing key; made at first use. Send it to the federation operator.')
    .action(async (_options: unknown, command: Command) => {
      const { publicKeyPem } = await readOrMakePublishingKey();
      printData(command, { publicKeyPem }, () => publicKeyPem.trimEnd());
    });
  publisher
    .command('certify')
    .description("For federation operators: sign a member's publishing key with the root key, which stays here.")
    .argument('<member>', "the member's id, as the issuer knows it")
    .requiredOption('--root-key <file>', "the federation's root private key (PEM)")
    .requiredOption('--public-key <file>', "the member's public key (PEM)")
    .option('--days <days>', 'how long the certificate is good', '365')
    .action(async (memberId: string, options: CertifyOptions, command: Command) => {
      requireMemberId(memberId);
      const days = wholeNumber(options.days, '--days', { min: 1, max: MAX_DAYS });
      const notAfter = new Date(Date.now() + days * DAY_MS).toISOString();
      const publicKeyPem = requirePublicKey(await readText(options.publicKey), options.publicKey);
      const rootPrivateKeyPem = requireRootKey(await readText(options.rootKey), options.rootKey);
      const certificate = issueCertificate({ memberId, publicKeyPem, notAfter }, rootPrivateKeyPem).toString();
      const api = await openApi();
      const body: z.infer<typeof certifyPublisherRequest> = { certificate };
      await api.call({ method: 'POST', path: '/v1/publishers', body, answer: certifyPublisherResponse });
      say(`${memberId} may publish until ${notAfter}`);
      printData(command, { memberId, notAfter }, () => memberId);
    });
  return publisher;
}

interface CertifyOptions {
  readonly rootKey: string;
  readonly publicKey: string;
  readonly days: string;
}

function requireMemberId(memberId: string): void {
  if (memberId.length > 0 && memberId.length <= MAX_MEMBER_ID_CHARACTERS) return;
  throw new EdgebootError('USAGE', `<member> must be an id of 1 to ${MAX_MEMBER_ID_CHARACTERS} characters`, {
    remedy: 'It is what edgeboot login shows to the member: logged in as …',
  });
}

function requirePublicKey(pem: string, file: string): string {
  const key = readKey(() => createPublicKey(pem));
  if (key !== undefined) return key.export({ type: 'spki', format: 'pem' }).toString();
  throw new EdgebootError('USAGE', `${file} holds no Ed25519 public key in PEM`, {
    remedy: 'Name the file with what edgeboot publisher key printed for the member.',
  });
}

function requireRootKey(pem: string, file: string): string {
  if (readKey(() => createPrivateKey(pem)) !== undefined) return pem;
  throw new EdgebootError('USAGE', `${file} holds no Ed25519 private key in PEM`, {
    remedy: "Name the file with the federation's root key.",
  });
}

function readKey(read: () => KeyObject): KeyObject | undefined {
  try {
    const key = read();
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    // The parser's words may quote a key: they stay here.
    return undefined;
  }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new EdgebootError('USAGE', `cannot read ${file}: ${messageOf(error)}`);
  });
}
