/** The appliance for tests: under emulation, which works everywhere, with the kernel's package from the cache. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { downloadDebianPackages, findKernelPackage } from '#shared/host/debian-packages.ts';
import type { ApplianceOptions } from '../../edge-agent/adapters/appliance/appliance-file-system.ts';

export const PACKAGE_CACHE = fileURLToPath(new URL('../../build/debian-packages', import.meta.url));

/** @param directory of the test; the appliance is built below it when it is first needed. */
export const applianceOptions = (directory: string): ApplianceOptions => ({
  applianceDirectory: join(directory, 'appliance'),
  packageCacheDirectory: PACKAGE_CACHE,
  acceleration: 'emulation',
});

/** Fills the cache, for suites that have no network. */
export async function downloadKernelPackage(log: (line: string) => void): Promise<void> {
  await downloadDebianPackages([await findKernelPackage(PACKAGE_CACHE)], PACKAGE_CACHE, log);
}
