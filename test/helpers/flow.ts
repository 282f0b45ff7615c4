/** The way of a transfer, with so many requests at once. */
import { fixedConnections } from '../../edge-agent/transfer/adaptive-connections.ts';
import { TransferFlow } from '../../edge-agent/transfer/transfer-flow.ts';

const MEMORY_BYTES = 64 * 1024 * 1024;

export const flowOf = (connections: number, memoryBytes = MEMORY_BYTES): TransferFlow =>
  new TransferFlow({ connections: fixedConnections(connections), memoryBytes });
