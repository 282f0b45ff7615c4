/** What an owner says about an image beside its content: who may see it, which channels point where, and what became of a version. */
import * as z from 'zod';
import { CHANNEL, GROUP } from '../names.ts';

/** So many channels may an image have. */
export const MAX_CHANNELS = 16;
/** So many names may its channels have had, those that were removed included: they lie in the image's row. */
export const MAX_CHANNEL_NAMES = 64;

/** Who may see an image, and therefore deploy it where they may deploy: its owner alone, members of groups, or every member. */
export const sharingSchema = z.discriminatedUnion('with', [
  z.strictObject({ with: z.literal('owner') }),
  z.strictObject({ with: z.literal('groups'), groups: z.array(GROUP).min(1).max(32) }),
  z.strictObject({ with: z.literal('members') }),
]);
export type Sharing = z.infer<typeof sharingSchema>;

/** Each channel's version. */
export const channelsSchema = z.record(CHANNEL, z.int().positive());
export type Channels = z.infer<typeof channelsSchema>;

/** Why somebody said that a version should not be used, for those who use it. */
export const REASON = z.string().trim().min(1).max(500);

/** That a version is deprecated or recalled. */
export const verdictSchema = z.object({ reason: z.string(), at: z.iso.datetime(), by: z.string() });
export type Verdict = z.infer<typeof verdictSchema>;

/** A deployment that uses a version and is not over. */
export const versionUseSchema = z.object({ deploymentId: z.string(), memberId: z.string(), siteId: z.string() });
export type VersionUse = z.infer<typeof versionUseSchema>;

/** An image's channels, and how far those had come that were removed. */
export interface ChannelState {
  readonly channels?: Channels | undefined;
  readonly removedChannels?: Channels | undefined;
}

/** Why a channel may not point there. */
export type ChannelRefusal = 'too many' | 'too many names' | 'back';

/**
 * The channels after one was pointed at a version: a new one, or one that moves forward. It never goes back, also where it was removed
 * meanwhile: whoever followed it has the later version already.
 */
export function pointChannel(
  { channels = {}, removedChannels = {} }: ChannelState,
  channel: string,
  version: number,
): Required<ChannelState> | ChannelRefusal {
  const present = versionAt(channels, channel);
  const reached = present ?? versionAt(removedChannels, channel);
  if (reached !== undefined && reached > version) return 'back';
  if (present === undefined && Object.keys(channels).length >= MAX_CHANNELS) return 'too many';
  const names = Object.keys(channels).length + Object.keys(removedChannels).length;
  if (reached === undefined && names >= MAX_CHANNEL_NAMES) return 'too many names';
  return { channels: { ...channels, [channel]: version }, removedChannels: without(removedChannels, channel) };
}

/** Without the channel. The version that it has come to is kept for the day that it is set again. */
export function withoutChannel(
  { channels = {}, removedChannels = {} }: ChannelState,
  channel: string,
  version: number,
): Required<ChannelState> {
  return { channels: without(channels, channel), removedChannels: { ...removedChannels, [channel]: version } };
}

/** Where a channel points; `undefined` where there is no such channel. */
export function versionAt(channels: Channels | undefined, channel: string): number | undefined {
  return channels && Object.hasOwn(channels, channel) ? channels[channel] : undefined;
}

function without(channels: Channels, channel: string): Channels {
  return Object.fromEntries(Object.entries(channels).filter(([name]) => name !== channel));
}

/** Names of the channels that point at a version, sorted. */
export function channelsAt(channels: Channels | undefined, version: number): string[] {
  const names = Object.entries(channels ?? {}).filter(([, at]) => at === version);
  return names.map(([name]) => name).sort();
}

/** The newest version that is not recalled. */
export function newestUsable<Version extends { readonly version: number; readonly recall?: Verdict | undefined }>(
  versions: readonly Version[],
): Version | undefined {
  const usable = versions.filter(({ recall }) => recall === undefined);
  return usable.reduce<Version | undefined>(
    (newest, one) => (newest && newest.version > one.version ? newest : one),
    undefined,
  );
}
