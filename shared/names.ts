/**
 * The names that cross a boundary, each with its allow-list. Site and node names reach host names, XML and, inside guests, old
 * shell scripts: letters, digits and hyphens only (the LDH rule of RFC 5890, lower case).
 */
import * as z from 'zod';

const LDH_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Opaque ids of images, deployments, audit records: 26 characters of Crockford's base 32, sorted by time. */
export const ULID = z.string().regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, 'must be a ULID');
export const SHA256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
/** Immutable name of a site; also its queue's name. Where a site is asked for, `any` means whichever fits best: none is called that. */
export const SITE_ID = z
  .string()
  .max(32)
  .regex(
    /^(?!any$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be letters, digits and hyphens, at most 32, and not the word any',
  );
export const IMAGE_NAME = z.string().max(63).regex(LDH_LABEL, 'must be letters, digits and hyphens, at most 63');
/** A member, as the issuer's tokens name them (`sub`). */
export const MEMBER_ID = z.string().regex(/^[\w.@|:-]{1,128}$/, 'must be the id of a member');
/** Of members, as the issuer's tokens name it. A comma separates groups on their way to the handlers: none holds one. */
export const GROUP = z.string().regex(/^[\w.@:-]{1,64}$/, 'must be letters, digits and . _ @ : -, at most 64');
/** Of an image: it points at a version. Begins with a letter, so that it is never taken for the number of one. */
export const CHANNEL = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
    'must be letters, digits and hyphens, beginning with a letter, at most 32',
  );
/** An image's version, as paths and queries have it. */
export const VERSION_NUMBER = z.string().regex(/^[1-9]\d{0,8}$/, 'must be the number of a version');
export const HOST_LABEL = z.string().regex(LDH_LABEL, 'must be letters, digits and hyphens');
export const FQDN = z
  .string()
  .max(253)
  .refine((name) => name.split('.').every((label) => LDH_LABEL.test(label)), 'must be a domain name in lower case');
/** Lower case, as guests grep it from the output of `ip link`. */
export const MAC_ADDRESS = z.string().regex(/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'must be a MAC address in lower case');
/** One public key as in an authorized_keys file, without options. */
export const SSH_PUBLIC_KEY = z
  .string()
  .max(8192)
  .regex(
    /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+={0,2}(?: [\x20-\x7e]{0,200})?$/,
    'must be one OpenSSH public key',
  );
/** Of an extra network: it becomes the name of an element in `vc-out.xml`, and of a bridge of the host (15 characters). */
export const NETWORK_NAME = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,14}$/, 'must be lower-case letters, digits and hyphens');
/** Of a virtual cluster in a repository's `vcdb.txt`, where upper case, dots and underscores have been in use. */
export const LEGACY_NAME = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, 'must be letters, digits, dots, hyphens and underscores');
