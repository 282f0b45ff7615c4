/** The verification, top-down. */
import type { Step } from './step.ts';
import { AUDIT } from './steps/audit.ts';
import { BEGIN } from './steps/begin.ts';
import { DEPLOY } from './steps/deploy.ts';
import { FEDERATION } from './steps/federation.ts';
import { FETCH } from './steps/fetch.ts';
import { SIGNATURES } from './steps/signatures.ts';

export const STEPS: readonly Step[] = [...BEGIN, ...DEPLOY, ...FEDERATION, ...FETCH, ...SIGNATURES, ...AUDIT];
