/** Publishers’ certificates and the root that signs them. */
import * as z from 'zod';

export const certifyPublisherRequest = z.strictObject({ certificate: z.string().max(16_384) });
/** The member whose key is certified. */
export const certifyPublisherResponse = z.object({ memberId: z.string() });
export const trustResponse = z.object({
  rootPublicKeyPem: z.string(),
  /** The asking member's own certificate, once the federation's operator has signed one. */
  certificate: z.string().optional(),
});
