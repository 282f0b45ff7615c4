/** Measures how near edges are: the round trip of a tiny request over a connection that is already there. */
import { exchange } from './http-exchange.ts';
import { takeNothing } from './http-get.ts';
import { createPinnedAgent } from './pinned-agent.ts';

const MEASUREMENTS = 3;
const LIMIT_SECONDS = 3;

export interface MeasuredEdge {
  readonly address: string;
  /** Shortest of a few. */
  readonly roundTripMilliseconds: number;
}

/** The edges that answer, nearest first. @param baseUrl scheme and host of the distribution */
export async function measureEdges(
  baseUrl: string,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<MeasuredEdge[]> {
  const measured = await Promise.all(addresses.map((address) => measureEdge(baseUrl, address, signal)));
  signal.throwIfAborted();
  return measured
    .filter((edge) => edge !== undefined)
    .sort((a, b) => a.roundTripMilliseconds - b.roundTripMilliseconds);
}

/** Any answer will do: an edge denies the unsigned request by itself, without asking the origin. */
async function measureEdge(baseUrl: string, address: string, signal: AbortSignal): Promise<MeasuredEdge | undefined> {
  const agent = createPinnedAgent(address, 1);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_SECONDS * 1000)]);
  const ask = async (): Promise<number> => {
    const start = performance.now();
    const head = { method: 'HEAD', headers: {}, dispatcher: agent, signal: limit } as const;
    await exchange(`${baseUrl}/`, head, () => takeNothing(undefined));
    return performance.now() - start;
  };
  try {
    // The first one also pays for the connection.
    await ask();
    const times: number[] = [];
    for (let i = 0; i < MEASUREMENTS; i++) times.push(await ask());
    return { address, roundTripMilliseconds: Math.min(...times) };
  } catch {
    return undefined;
  } finally {
    await agent.destroy();
  }
}
