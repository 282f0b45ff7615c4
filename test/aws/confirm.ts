/** The person's yes. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { EdgebootError } from '#shared/errors.ts';

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Throws USAGE where nobody can be asked, CANCELED where the answer is not "yes", the signal's reason where it is aborted. */
export async function confirm(
  question: string,
  isYes: boolean,
  signal: AbortSignal,
  { input, output }: Terminal,
): Promise<void> {
  if (isYes) return;
  if (input.isTTY !== true) {
    throw new EdgebootError('USAGE', 'nobody can be asked here: standard input is no terminal', {
      remedy: 'Say it beforehand: --yes. What it makes and costs: --plan.',
    });
  }
  // Else it would take a Ctrl-C for itself.
  const lines = createInterface({ input, terminal: false });
  try {
    output.write(`${question} Type yes: `);
    const ended = once(lines, 'close', { signal }).then(() => ['']);
    const [answer] = (await Promise.race([once(lines, 'line', { signal }), ended])) as string[];
    if (answer?.trim() !== 'yes') throw new EdgebootError('CANCELED', 'you did not say yes: nothing is done');
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
