/** What a stage's things are called: serverless.yml and stack/ say so, and a test holds this against them. Pure. */
import { EdgebootError } from '#shared/errors.ts';

export const DEFAULT_STAGE = 'verify';
/** No hyphen: no name of one stage is the beginning of another's, so what is removed by its beginning is this stage's alone. */
const VERIFY_STAGE = /^verify[a-z0-9]{0,10}$/;

export interface StageNames {
  readonly stack: string;
  readonly table: string;
  readonly bucket: string;
  readonly auditLogGroup: string;
  readonly signingKeySecret: string;
  readonly enrollmentKeySecret: string;
  /** Functions' log groups begin so. */
  readonly functionLogs: string;
  /** The dead letters' queue and the sites' begin so. */
  readonly queues: string;
}

/** @param account its number, or what stands for it where none is known */
export function stageNames(stage: string, account: string): StageNames {
  const prefix = `edgeboot-${stage}`;
  return {
    stack: prefix,
    table: prefix,
    bucket: `${prefix}-images-${account}`,
    auditLogGroup: `/edgeboot/${stage}/audit`,
    signingKeySecret: `${prefix}-signing-key`,
    enrollmentKeySecret: `${prefix}-enrollment-key`,
    functionLogs: `/aws/lambda/${prefix}-`,
    queues: `${prefix}-`,
  };
}

/** The stage, once it is one that may be made and taken away again with all it holds. Throws USAGE. */
export function requireVerifyStage(stage: string): string {
  if (VERIFY_STAGE.test(stage)) return stage;
  throw new EdgebootError('USAGE', `the stage ${JSON.stringify(stage)} is not one of a verification`, {
    remedy:
      'Its name is "verify", or that and up to 10 small letters or digits: everything of the stage is deleted in the end.',
  });
}
