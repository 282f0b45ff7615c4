import packageJson from '../package.json' with { type: 'json' };

/** Of the package that this agent came in. */
export const AGENT_VERSION: string = packageJson.version;
