/** `edgeboot image publish`: a new version of an image, and, where that is wished, the sites that are to have it near. */
import { Command } from 'commander';
import type { ApiClient } from '#shared/api-client.ts';
import type { ImageVersion } from '#shared/api/images.ts';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { requireCompliant } from '#shared/image/inspect-disk.ts';
import type { Warming } from '#shared/warming.ts';
import { requireImageName } from '../image-name.ts';
import { formatBytes, printData, say } from '../output.ts';
import { startProgress } from '../progress.ts';
import { openDisk, type OpenedDisk } from '../publish/open-disk.ts';
import { planVersion } from '../publish/plan-version.ts';
import { type PublishRequest, publishVersion } from '../publish/publish-version.ts';
import { readOrMakePublishingKey } from '../publish/publishing-key.ts';
import { openApi } from '../session.ts';
import { requestWarming, requireSiteId } from '../warmings.ts';

export function publishCommand(): Command {
  return new Command('publish')
    .description(
      'Publish a new version of an image: checked, cut into parts, signed; only what is missing is uploaded.',
    )
    .argument('<name>', 'letters, digits and hyphens')
    .requiredOption('--frontend <disk>', "the frontend's raw disk file")
    .option('--compute <disk>', "the computes' raw disk file; without it the image has no computes")
    .option('--warm <sites>', 'then pull it through the edges nearest to these sites: SITE[,SITE…]')
    .option('--dry-run', 'only tell how many bytes would be sent')
    .action(publish);
}

interface PublishOptions {
  readonly frontend: string;
  readonly compute?: string;
  readonly warm?: string;
  readonly dryRun?: boolean;
}

async function publish(name: string, options: PublishOptions, command: Command): Promise<void> {
  const imageName = requireImageName(name);
  const siteIds = [...new Set(options.warm?.split(',').map(requireSiteId))];
  const disks: OpenedDisk[] = [];
  try {
    const frontend = await openCompliant(options.frontend, disks);
    const compute = options.compute === undefined ? undefined : await openCompliant(options.compute, disks);
    const api = await openApi();
    const progress = startProgress(
      `publishing ${imageName}`,
      disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    );
    const onProgress: PublishRequest['onProgress'] = (rawBytes, { uploadedBytes }) =>
      progress.update(rawBytes, `${formatBytes(uploadedBytes)} ${options.dryRun === true ? 'missing' : 'sent'}`);
    const request = { imageName, frontend, compute, onProgress };
    if (options.dryRun === true) {
      const upload = await planVersion(api, request).finally(() => progress.stop());
      printData(command, { imageName, upload }, () => `${formatBytes(upload.uploadedBytes)} would be sent`);
      return;
    }
    const { privateKeyPem } = await readOrMakePublishingKey();
    const { version, upload } = await publishVersion(api, { ...request, privateKeyPem }).finally(() => progress.stop());
    const { uploadedObjects, uploadedBytes, presentObjects } = upload;
    say(
      `sent ${uploadedObjects} ${uploadedObjects === 1 ? 'object' : 'objects'}, ${formatBytes(uploadedBytes)}; ${presentObjects} were there already`,
    );
    const { warmings, refusals } = await warmAt(siteIds, version, api);
    printData(command, { ...version, upload, warmings }, () => nameOf(version));
    if (siteIds.length === 0) say(`To have it near a site: edgeboot image warm ${nameOf(version)} --site SITE`);
    const [refusal] = refusals;
    if (refusal) throw refusal;
  } finally {
    for (const disk of disks) await disk.handle.close();
  }
}

/** One site's refusal does not keep it from the others. */
async function warmAt(siteIds: readonly string[], version: ImageVersion, api: ApiClient) {
  const { imageName, version: imageVersion } = version;
  const warmings: Warming[] = [];
  const refusals: EdgebootError[] = [];
  for (const siteId of siteIds) {
    try {
      warmings.push(await requestWarming(api, { imageName, imageVersion, siteId, keep: false }));
    } catch (error) {
      if (!hasCode(error)) throw error;
      const remedy = `${nameOf(version)} is published. ${error.remedy}`;
      say(`not warmed at ${siteId}: ${error.message}`);
      refusals.push(new EdgebootError(error.code, error.message, { remedy, cause: error }));
    }
  }
  return { warmings, refusals };
}

const nameOf = ({ imageName, version }: ImageVersion): string => `${imageName}@${version}`;

/** Opened disks are put into `opened`, so that they are closed whatever happens. */
async function openCompliant(file: string, opened: OpenedDisk[]): Promise<OpenedDisk> {
  const disk = await openDisk(file);
  opened.push(disk);
  requireCompliant(disk.findings);
  return disk;
}
