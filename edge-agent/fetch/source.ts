/** What `fetch` is asked for: a manifest, or a description of the older kind, somewhere. Pure but for the working directory. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgebootError } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';

export const SOURCE_KINDS = ['local', 'http', 'cloudfront'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

export interface NamedSource {
  readonly kind: SourceKind;
  /** The repository: a directory, or an http or https address. */
  readonly repository: string;
  /** Of the manifest or the description, below the repository's root. */
  readonly path: string;
  /** Of the manifest, which its name tells; `undefined` for a description. */
  readonly manifest: { readonly imageId: string; readonly sha256: string } | undefined;
}

const MANIFEST = /^(?<root>.*?\/)images\/(?<imageId>[0-9A-Z]{26})\/manifests\/(?<sha256>[0-9a-f]{64})\.json$/;

/** @param kind of the repository; unless given, what the source looks like. Throws USAGE. */
export function parseSource(source: string, kind?: SourceKind): NamedSource {
  const isUrl = /^https?:\/\//i.test(source);
  const meant = kind ?? (isUrl ? 'http' : 'local');
  if (isUrl !== (meant !== 'local')) throw noSource(source, `is not for a repository of the kind ${meant}`);
  return { kind: meant, ...(isUrl ? splitUrl(source) : splitPath(filePathOf(source))) };
}

function splitUrl(source: string): Omit<NamedSource, 'kind'> {
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url === undefined || url.username + url.password + url.search + url.hash !== '') {
    throw noSource(source.replace(/[?#].*$/s, '?…'), 'is not scheme, host and path alone');
  }
  const { repository, ...file } = splitPath(url.pathname);
  return { repository: url.origin + repository, ...file };
}

function filePathOf(source: string): string {
  try {
    return path.resolve(/^file:/i.test(source) ? fileURLToPath(source) : source);
  } catch {
    throw noSource(source, 'names no file of this host');
  }
}

/** A description's disks lie beside it, a manifest's parts beside its folder. */
function splitPath(file: string): Omit<NamedSource, 'kind'> {
  const { root, imageId = '', sha256 = '' } = MANIFEST.exec(file)?.groups ?? {};
  if (root !== undefined) return { repository: root, path: file.slice(root.length), manifest: { imageId, sha256 } };
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  const name = file.slice(folder.length);
  if (name === '' || name.endsWith('.json')) throw noSource(file, 'names neither a manifest nor a description');
  return { repository: folder, path: name, manifest: undefined };
}

function noSource(source: string, why: string): EdgebootError {
  return new EdgebootError('USAGE', `${boundedText(source.slice(0, 300))} ${why}`, {
    remedy:
      'Name a manifest (…/images/<imageId>/manifests/<sha256>.json) or a description (…/vc-in.xml), by path or by URL.',
  });
}
