/**
 * The kinds of repository that an address names; the first that accepts it is taken. A CloudFront distribution is not among them: it
 * is opened with a grant (open-cloudfront.ts).
 */
import { httpRepository } from './http.ts';
import { localRepository } from './local.ts';
import type { RepositoryKind } from './repository.ts';

export const REPOSITORY_KINDS: readonly RepositoryKind[] = [
  localRepository, // /srv/images, file:///srv/images
  httpRepository, // http://images.example.org/vc, https://…
];
