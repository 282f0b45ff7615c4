/** Who asks, as the authorizer found out. HTTP API hands it to the handlers as `requestContext.authorizer.lambda`. */
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';

/** What the authorizer puts into its context: flat strings, as API Gateway wants them. */
export const identitySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('member'), memberId: z.string().min(1), groups: z.string() }),
  z.object({
    kind: z.literal('agent'),
    siteId: z.string().min(1),
    /** SHA-256 of the body that the agent signed: the authorizer never sees the body, so the handler compares. */
    bodySha256: z.string().length(64),
  }),
]);
export type IdentityContext = z.infer<typeof identitySchema>;

export interface Member {
  readonly memberId: string;
  readonly groups: readonly string[];
}

/** Members of this group may publish images. */
export const PUBLISHERS = 'publishers';
/** Members of this group may register sites and certify publishers. */
export const FEDERATION_OPERATORS = 'federation-operators';

/** Throws UNAUTHENTICATED where no member asks. */
export function requireMember(identity: IdentityContext | undefined): Member {
  if (identity?.kind !== 'member') throw new EdgebootError('UNAUTHENTICATED', 'this operation is for members');
  return { memberId: identity.memberId, groups: identity.groups.split(',').filter(Boolean) };
}
