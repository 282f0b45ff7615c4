/**
 * The federation's operator has signed a member's publishing key with the root key, away from here: the root never lies in the
 * cloud. This keeps the certificate, after checking that the root signed it.
 */
import { verifyCertificate } from '#shared/image/publisher-certificate.ts';
import type { Member } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { PublisherStore } from '../ports.ts';
import { requireOperator } from '../require-operator.ts';

export interface CertifyPublisherPorts extends DeliveryPorts {
  readonly publishers: PublisherStore;
  readonly rootPublicKeyPem: string;
  readonly now: () => Date;
}

/** Answers the member whose key is certified. Throws FORBIDDEN, MANIFEST_UNTRUSTED (not the root's signature, expired). */
export async function certifyPublisher(
  operator: Member,
  certificate: string,
  ports: CertifyPublisherPorts,
): Promise<string> {
  const decision = { actor: `member:${operator.memberId}`, action: 'publisher.certify' } as const;
  await requireOperator(operator, decision, 'certify publishers', ports);
  const { memberId } = verifyCertificate(Buffer.from(certificate), {
    rootPublicKeyPem: ports.rootPublicKeyPem,
    now: ports.now(),
  });
  const entry = auditEntry(ports.now().toISOString(), { ...decision, decision: 'allow', reason: `for ${memberId}` });
  await ports.publishers.saveCertificate(memberId, certificate, [entry]);
  await deliverOutbox([entry], ports);
  return memberId;
}
