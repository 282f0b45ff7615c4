/** A viewer at the distribution: asks for a URL once, and says what came. */
import { Agent, request } from 'undici';
import type { Run } from './step.ts';

export interface EdgeAnswer {
  readonly status: number;
  /** Of the XML body of a refusal. */
  readonly code: string | undefined;
  readonly edgeLocation: string | undefined;
}

/** Its connections are closed with the run. */
export function openViewer(run: Run): (url: string) => Promise<EdgeAnswer> {
  const { lookup } = run.target;
  const dispatcher = new Agent({ connect: { ...(lookup && { lookup }) } });
  run.local.defer(() => dispatcher.destroy());
  return async (url) => {
    const { statusCode, headers, body } = await request(url, { dispatcher, signal: run.signal });
    const text = await body.text();
    run.counts.edgeRequests += 1;
    run.counts.edgeBytes += Buffer.byteLength(text);
    return {
      status: statusCode,
      code: statusCode < 400 ? undefined : /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1],
      edgeLocation: String(headers['x-amz-cf-pop'] ?? '') || undefined,
    };
  };
}
