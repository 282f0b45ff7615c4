/** Proof that it is a cluster: the member logs in to the frontend by ssh, and from there runs a command on every compute. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { runProgram } from '../federation/program.ts';

/** A key pair of the member's own, as `ssh-keygen` makes it. Answers the private key's file; `.pub` lies beside it. */
export async function makeSshKey(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, 'id_ed25519');
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'member', '-f', file]);
  return file;
}

/** The ssh command that logs in to a frontend. The guests are new each time: their host keys are not kept. */
export function sshArguments(keyFile: string, address: string): string[] {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ConnectTimeout=20',
    'BatchMode=yes',
  ];
  return [...options.flatMap((option) => ['-o', option]), '-i', keyFile, '-A', `root@${address}`];
}

/** Answers one line per node: what it says its name is. Throws where a node does not answer. */
export async function askEveryNode(keyFile: string, frontendAddress: string, computes: number): Promise<string[]> {
  const onComputes = Array.from({ length: computes }, (_, i) => `dbclient -y compute-${i} hostname`).join(' && ');
  const command = ['hostname', ...(computes > 0 ? [onComputes] : [])].join(' && ');
  const withAgent = ['-c', 'ssh-add -q "$1" && shift && exec ssh "$@"', 'sh', keyFile];
  const output = await must('ssh-agent', ['sh', ...withAgent, ...sshArguments(keyFile, frontendAddress), command]);
  const names = output.trim().split('\n');
  if (names.length !== computes + 1)
    throw new Error(`expected ${computes + 1} nodes to answer, got: ${names.join(', ')}`);
  return names;
}

/** The member's public key. */
export const publicKeyOf = (keyFile: string): Promise<string> => readFile(`${keyFile}.pub`, 'utf8');

async function must(file: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(file, args);
  if (exitCode !== 0) throw new Error(`${file} ended with ${exitCode}: ${stderr.trim()}`);
  return stdout;
}
