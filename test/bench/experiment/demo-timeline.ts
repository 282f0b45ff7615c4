/** The steps of a real demo, and how long each took: run now, on this machine. */
import path from 'node:path';
import { runProgram } from '../../../local/federation/program.ts';

export interface DemoTimeline {
  /** From the accepted request to RUNNING. */
  readonly runningSeconds: number;
  readonly fetchSeconds: number;
}

const DEMO = path.resolve(import.meta.dirname, '../../../local/demo/main.ts');

/** Throws where the demo fails. */
export async function runDemoForTimeline(signal: AbortSignal): Promise<DemoTimeline> {
  const { exitCode, stderr } = await runProgram(process.execPath, [DEMO], { signal });
  if (exitCode !== 0) throw new Error(`the demo ended with ${exitCode}:\n${stderr.slice(-2000)}`);
  return readDemoTimeline(stderr);
}

/** @param said by the demo: see local/demo/timeline.ts */
export function readDemoTimeline(said: string): DemoTimeline {
  const steps = new Map(
    [...said.matchAll(/^\s+(\d+\.\d+) s {2}(.+)$/gm)].map(([, seconds, name]) => [name, Number(seconds)]),
  );
  const runningSeconds = steps.get('request accepted → RUNNING');
  const fetchSeconds = steps.get('fetch and assemble');
  if (runningSeconds === undefined || fetchSeconds === undefined)
    throw new Error(`no timeline in:\n${said.slice(-2000)}`);
  return { runningSeconds, fetchSeconds };
}
