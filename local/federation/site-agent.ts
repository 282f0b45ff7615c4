/** A site's operator: writes the agent's configuration, enrolls it, runs it as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { EDGEBOOT_AGENT, type ProgramResult, runProgram } from './program.ts';
import type { SitePublicNetwork } from './site-host.ts';

/** What runs its nodes: libvirt, or nothing but QEMU, for an agent that only fetches. */
export type AgentHost =
  | { readonly libvirtUri: string; readonly publicNetwork: SitePublicNetwork }
  | { readonly driver: 'qemu'; readonly qemuUser: string };

export interface SiteAgentOptions {
  readonly siteId: string;
  /** Holds the configuration, the log and the state directory. */
  readonly directory: string;
  readonly apiUrl: string;
  readonly host: AgentHost;
  readonly resolvers: readonly string[];
  readonly capacity?: { readonly cpus?: number; readonly memoryMiB?: number };
  readonly readyTimeoutSeconds?: number;
  readonly logLevel?: 'debug' | 'info';
}

/** One line of the agent's log. */
export type AgentLogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export class SiteAgent implements AsyncDisposable {
  readonly #options: SiteAgentOptions;
  readonly #lines: AgentLogLine[] = [];
  #words = '';
  readonly #waiting = new Set<(line: AgentLogLine) => void>();
  #child: ChildProcess | undefined;

  constructor(options: SiteAgentOptions) {
    this.#options = options;
  }

  get siteId(): string {
    return this.#options.siteId;
  }

  get stateDirectory(): string {
    return path.join(this.#options.directory, 'state');
  }

  get configFile(): string {
    return path.join(this.#options.directory, 'agent.yaml');
  }

  get log(): readonly AgentLogLine[] {
    return this.#lines;
  }

  /** What it has said to its operator, beside the log. */
  get words(): string {
    return this.#words;
  }

  async configure(): Promise<void> {
    const { apiUrl, host, resolvers, capacity, readyTimeoutSeconds } = this.#options;
    await mkdir(this.stateDirectory, { recursive: true, mode: 0o711 });
    const config = {
      apiUrl,
      ...host,
      stateDirectory: this.stateDirectory,
      resolvers,
      ...(capacity && { capacity }),
      ...(readyTimeoutSeconds !== undefined && { readyTimeoutSeconds }),
    };
    await writeFile(this.configFile, stringify(config));
  }

  /** Runs `edgeboot-agent` with this site's configuration, whatever its exit status. */
  async command(...args: readonly string[]): Promise<ProgramResult> {
    return runProgram(EDGEBOOT_AGENT, [...args, '--config', this.configFile]);
  }

  async enroll(token: string): Promise<void> {
    const { exitCode, stderr } = await this.command('enroll', token);
    if (exitCode !== 0) throw new Error(`edgeboot-agent enroll ended with ${exitCode}:\n${stderr}`);
  }

  /** Starts the agent; resolves when it polls. */
  async start(): Promise<void> {
    const { logLevel = 'info' } = this.#options;
    const child = spawn(EDGEBOOT_AGENT, ['run', '--config', this.configFile, '--log-level', logLevel], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C at the terminal is ours to handle: the agent is stopped in its turn.
      detached: true,
    });
    this.#child = child;
    // For a person; `log` is for programs.
    child.stdout.pipe(createWriteStream(path.join(this.#options.directory, 'agent.log'), { flags: 'a', mode: 0o600 }));
    const before = this.#words.length;
    createInterface({ input: child.stderr }).on('line', (line) => (this.#words += `${line}\n`));
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(line));
    const ended = once(child, 'close').then(() => {
      throw new Error(`the agent of ${this.siteId} ended:\n${this.#words.slice(before)}`);
    });
    ended.catch(() => undefined);
    await Promise.race([this.awaitLine(({ msg }) => msg === 'agent ready'), ended]);
  }

  /** Resolves with the first line, from now on, that matches. */
  awaitLine(matches: (line: AgentLogLine) => boolean): Promise<AgentLogLine> {
    return new Promise((resolve) => {
      const look = (line: AgentLogLine): void => {
        if (!matches(line)) return;
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
    });
  }

  /** Stops the agent as an operator (SIGTERM) or a crash (SIGKILL) would. Running clusters stay. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #take(text: string): void {
    const line = parseLine(text);
    this.#lines.push(line);
    for (const look of this.#waiting) look(line);
  }
}

function parseLine(text: string): AgentLogLine {
  try {
    return JSON.parse(text) as AgentLogLine;
  } catch {
    return { msg: text };
  }
}
