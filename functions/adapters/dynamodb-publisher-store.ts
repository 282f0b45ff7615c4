/** Publishers' certificates in the table. */
import type { OutboxEntry, PublisherCertificates, PublisherStore } from '../ports.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import type { Table } from './dynamodb-table.ts';

const PUBLISHER = 'PUBLISHER#';
const certificateKey = (memberId: string) => ({ pk: PUBLISHER + memberId, sk: 'CERTIFICATE' });

export class DynamoDbPublisherStore implements PublisherStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async listCertificates(): Promise<PublisherCertificates> {
    const items = await this.#table.scanFor(PUBLISHER);
    return new Map(items.map(({ pk, certificate }) => [String(pk).slice(PUBLISHER.length), String(certificate)]));
  }

  async findCertificate(memberId: string): Promise<string | undefined> {
    const item = await this.#table.get(certificateKey(memberId));
    return item && String(item['certificate']);
  }

  async saveCertificate(memberId: string, certificate: string, outbox: readonly OutboxEntry[]): Promise<void> {
    await this.#table.transact([
      this.#table.put({ ...certificateKey(memberId), certificate }),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ]);
  }
}
