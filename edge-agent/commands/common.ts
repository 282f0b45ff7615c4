/** What the commands for clusters of this host have in common. */
import { Option } from 'commander';
import { composeStandalone, type Standalone } from '../standalone/compose.ts';
import { readConfigIfAny } from './config-option.ts';

export interface CommonOptions {
  readonly config: string;
  readonly output: string;
}

export const outputOption = (): Option => new Option('--output <format>').choices(['text', 'json']).default('text');
export const repositoryOption = (): Option =>
  new Option('--repository <address>', 'a directory, or an http(s) address; unless given, those of the configuration');

export async function withHost<Result>(config: string, use: (host: Standalone) => Promise<Result>): Promise<Result> {
  await using host = await composeStandalone(await readConfigIfAny(config));
  // The host is closed when this function returns: not before the work is done.
  return await use(host);
}

export function print({ output }: Pick<CommonOptions, 'output'>, data: unknown, text: () => string): void {
  process.stdout.write(`${output === 'json' ? JSON.stringify(data, null, 2) : text()}\n`);
}
