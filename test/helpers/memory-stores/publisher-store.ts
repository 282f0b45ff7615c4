/** Publishers in memory. */
import type { OutboxEntry, PublisherCertificates, PublisherStore } from '../../../functions/ports.ts';
import type { MemoryOutbox } from './outbox.ts';

export class MemoryPublisherStore implements PublisherStore {
  readonly #certificates = new Map<string, string>();
  readonly #outbox: MemoryOutbox;

  constructor(outbox: MemoryOutbox) {
    this.#outbox = outbox;
  }

  listCertificates(): Promise<PublisherCertificates> {
    return Promise.resolve(this.#certificates);
  }

  findCertificate(memberId: string): Promise<string | undefined> {
    return Promise.resolve(this.#certificates.get(memberId));
  }

  async saveCertificate(memberId: string, certificate: string, outbox: readonly OutboxEntry[]): Promise<void> {
    this.#certificates.set(memberId, certificate);
    await this.#outbox.add(outbox);
  }
}
