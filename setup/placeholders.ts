/** After packaging: says which settings of the environment were left out, since who deploys that deploys placeholders. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { unsetSettings } from './unset-settings.ts';

const service = readFileSync(new URL('../serverless.yml', import.meta.url), 'utf8');
const unset = unsetSettings(service, process.env);
if (unset.length > 0) {
  process.stderr.write(
    `Not to be deployed: build/package has placeholders for ${unset.join(', ')}.\n` +
      '  Set them, and package again: docs/deploy-aws.md.\n',
  );
}
