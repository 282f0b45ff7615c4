/** A certificate for 127.0.0.1 that nobody has any reason to trust. */
import { join } from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';

export interface SelfSignedCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Valid for a day. */
export async function makeSelfSignedCertificate(folder: string): Promise<SelfSignedCertificate> {
  const keyFile = join(folder, 'key.pem');
  const certificateFile = join(folder, 'certificate.pem');
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const output = ['-keyout', keyFile, '-out', certificateFile];
  await runCommandOrThrow('openssl', ['req', '-x509', ...options, ...subject, ...output]);
  return { certificateFile, keyFile };
}
