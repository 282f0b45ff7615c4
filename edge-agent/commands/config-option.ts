/** Where the commands find their configuration. */
import { access } from 'node:fs/promises';
import { Option } from 'commander';
import { type AgentConfig, defaultConfig, readConfig } from '../config.ts';

const CONFIG_FILE = '/etc/edgeboot/agent.yaml';

export const configOption = (): Option => new Option('--config <file>', 'the configuration').default(CONFIG_FILE);

/** Booting on this host alone needs no configuration: where there is none, the defaults hold. Throws INVALID_CONFIG. */
export async function readConfigIfAny(file: string): Promise<AgentConfig> {
  if (file !== CONFIG_FILE) return readConfig(file);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  return isThere ? readConfig(file) : defaultConfig();
}
