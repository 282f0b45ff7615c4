/** The steps of a real demo, and how long each took: run now, on this machine. */
import path from 'node:path';
import { runProgram } from '../../../local/federation/program.ts';

export interface DemoTimeline {
  /** From the accepted request to RUNNING. */
  readonly runningSeconds: number;
  /** From the accepted request until the agent holds the message. */
  readonly heldSeconds: number;
  readonly fetchSeconds: number;
  /** To make, personalize and start the nodes; guests' own start not counted. */
  readonly nodesSeconds: number;
}

const DEMO = path.resolve(import.meta.dirname, '../../../local/demo/main.ts');

/** Throws where the demo fails. */
export async function runDemoForTimeline(computes: number, signal?: AbortSignal): Promise<DemoTimeline> {
  const args = [DEMO, '--computes', String(computes)];
  const { exitCode, stderr } = await runProgram(process.execPath, args, { signal });
  if (exitCode !== 0) throw new Error(`the demo ended with ${exitCode}:\n${stderr.slice(-2000)}`);
  return readDemoTimeline(stderr);
}

/** @param said by the demo: see local/demo/timeline.ts */
export function readDemoTimeline(said: string): DemoTimeline {
  const lines = [...said.matchAll(/^\s+(\d+\.\d+) s {2}(.+)$/gm)];
  const taken = (step: string): number => {
    const seconds = lines.find(([, , name]) => name === step)?.[1];
    if (seconds === undefined) throw new Error(`the timeline has no "${step}":\n${said.slice(-2000)}`);
    return Number(seconds);
  };
  return {
    runningSeconds: taken('request accepted → RUNNING'),
    heldSeconds: taken('request accepted → agent holds the message'),
    fetchSeconds: taken('fetch and assemble'),
    nodesSeconds: taken('personalize') + taken('start domains'),
  };
}
