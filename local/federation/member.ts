/** A member of the federation at a terminal: uses the `edgeboot` command, with a configuration of their own. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { approveDevice } from '../approve-device.ts';
import type { Member as IssuerMember } from '../oidc-issuer.ts';
import { EDGEBOOT, type ProgramResult, runProgram } from './program.ts';

export class Member {
  readonly #account: IssuerMember;
  readonly #home: string;
  #words = '';

  /** @param home a folder of the member's own; made where it is missing. */
  constructor(account: IssuerMember, home: string) {
    this.#account = account;
    this.#home = home;
  }

  get id(): string {
    return this.#account.id;
  }

  /** What all commands have said beside their data. */
  get words(): string {
    return this.#words;
  }

  /** A file in the member's home. */
  file(name: string): string {
    return path.join(this.#home, name);
  }

  /** Runs `edgeboot` with these arguments, whatever its exit status. */
  async run(args: readonly string[], onWords?: (line: string) => void, signal?: AbortSignal): Promise<ProgramResult> {
    const env = { EDGEBOOT_CONFIG_DIRECTORY: this.file('config') };
    const result = await runProgram(EDGEBOOT, args, { env, signal, ...(onWords && { onWords }) });
    this.#words += result.stderr;
    return result;
  }

  /** The same with `--output json`, which must succeed: answers the data. */
  async ask<T>(args: readonly string[], onWords?: (line: string) => void, signal?: AbortSignal): Promise<T> {
    const result = await this.run([...args, '--output', 'json'], onWords, signal);
    if (result.exitCode !== 0) {
      // What it said last names the reason: the lines before it are progress.
      const words = result.stderr.slice(Math.max(0, result.stderr.lastIndexOf('edgeboot: '))).trim();
      throw new Error(`edgeboot ${args.slice(0, 2).join(' ')} ended with ${result.exitCode}\n${words}`);
    }
    return JSON.parse(result.stdout) as T;
  }

  /** Logs in by the device flow; the browser's part is done for the member. */
  async logIn(apiUrl: string): Promise<void> {
    await mkdir(this.#home, { recursive: true, mode: 0o700 });
    let approval: Promise<void> | undefined;
    const onWords = (line: string): void => {
      const url = /^Open (http\S+)/.exec(line)?.[1];
      if (url !== undefined) approval = approveDevice(url, this.#account);
      approval?.catch(() => undefined);
    };
    await this.ask(['login', '--api', apiUrl], onWords);
    await approval;
  }
}
