/** What no log and no audit record may hold. */
const SECRETS: Readonly<Record<string, RegExp>> = {
  "CloudFront's signature of a URL": /[?&](?:Signature|Policy)=/,
  "S3's signature of a URL": /X-Amz-(?:Signature|Security-Token)=/i,
  'a token of the issuer or of an agent': /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/,
  'a private key': /PRIVATE KEY/,
  'a one-time token': /\benroll\.[a-z0-9-]{1,32}\.[\w-]{43}/,
  'credentials of AWS': /(?:secretAccessKey|sessionToken)["\s:=]/i,
};

/** Names of the secrets in a text, of whatever kind; and of those whose very text is in it. */
export function findSecrets(text: string, known: Readonly<Record<string, string>> = {}): readonly string[] {
  const kinds = Object.entries(SECRETS).filter(([, pattern]) => pattern.test(text));
  const texts = Object.entries(known).filter(([, secret]) => text.includes(secret));
  return [...kinds, ...texts].map(([name]) => name);
}
