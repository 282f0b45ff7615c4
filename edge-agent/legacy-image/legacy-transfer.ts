/** Counts what the transfer of an older image moves. */
import { countDelivery, startReport, type TransferReport } from '../transfer/transfer-report.ts';
import type { Delivery } from '../ports.ts';

export class LegacyTransfer {
  readonly #onProgress: (progress: TransferReport) => void;
  #report = startReport(0);

  constructor(onProgress: (progress: TransferReport) => void) {
    this.#onProgress = onProgress;
  }

  get report(): TransferReport {
    return this.#report;
  }

  /** So much more is to be fetched. */
  expect(bytes: number): void {
    this.#report = { ...this.#report, totalBytes: this.#report.totalBytes + bytes };
  }

  readonly count = (bytes: number, delivery: Delivery): void => {
    this.#report = countDelivery(this.#report, bytes, delivery);
    this.#onProgress(this.#report);
  };
}
