/** `edgeboot publisher`: whose keys may sign images. */
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { certifyPublisherRequest } from '#shared/api.ts';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { issueCertificate } from '#shared/image/publisher-certificate.ts';
import * as z from 'zod';
import { printData, say } from '../output.ts';
import { readOrMakePublishingKey } from '../publish/publishing-key.ts';
import { openApi } from '../session.ts';

const DAY_MS = 24 * 3600 * 1000;

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
      const days = Number(options.days);
      if (!Number.isInteger(days) || days < 1) throw new EdgebootError('USAGE', '--days must be a whole number from 1');
      const notAfter = new Date(Date.now() + days * DAY_MS).toISOString();
      const publicKeyPem = requirePublicKey(await readText(options.publicKey), options.publicKey);
      const rootPrivateKeyPem = await readText(options.rootKey);
      const certificate = issueCertificate({ memberId, publicKeyPem, notAfter }, rootPrivateKeyPem).toString();
      const api = await openApi();
      const body: z.infer<typeof certifyPublisherRequest> = { certificate };
      await api.call({ method: 'POST', path: '/v1/publishers', body, answer: z.object({ memberId: z.string() }) });
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

function requirePublicKey(pem: string, file: string): string {
  try {
    return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
  } catch (error) {
    throw new EdgebootError('USAGE', `${file} holds no public key: ${messageOf(error)}`);
  }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new EdgebootError('USAGE', `cannot read ${file}: ${messageOf(error)}`);
  });
}
