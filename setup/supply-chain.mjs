// Refuses licenses that not everybody may use, writes what production is made of (CycloneDX, build/sbom.cdx.json), and asks the registry
// whether anything of it is known to be vulnerable. Where the registry does not answer, it says so and fails nothing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fail, say } from './exec.mjs';
import { shippedPackages, withForbiddenLicense } from './shipped-packages.ts';

const SBOM = 'build/sbom.cdx.json';
const AUDIT_TIMEOUT_MS = 60_000;

/** npm's answer in JSON; undefined where it has none. */
function askNpm(args, options = {}) {
  const [file, ...before] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const { stdout } = spawnSync(file, [...before, ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
    ...options,
  });
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const packages = shippedPackages(lock);
const forbidden = withForbiddenLicense(packages).map(({ path, license }) => `${path} (${license ?? 'no license'})`);
if (forbidden.length > 0) fail(65, `Not everybody may use ${forbidden.join(', ')}.`);
say(`licenses: all ${packages.length} let anybody use them`);

/** `npm sbom --omit dev` forgets what is for development as well as for production. */
const shipped = new Set(packages.map(({ name, version }) => `${name}@${version}`));

const sbom = askNpm(['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']);
if (sbom?.bomFormat !== 'CycloneDX') fail(70, 'npm sbom gave no CycloneDX document.');
const root = sbom.metadata.component['bom-ref'];
// npm takes the folder's name.
sbom.metadata.component.name = lock.name;
sbom.components = sbom.components.filter((component) => shipped.has(component['bom-ref']));
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => ref === root || shipped.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => shipped.has(on)) }));
const listed = new Set(sbom.components.map((component) => component['bom-ref']));
const missing = [...shipped].filter((name) => !listed.has(name));
if (missing.length > 0) fail(70, `npm sbom leaves out ${missing.join(', ')}.`);
mkdirSync('build', { recursive: true });
writeFileSync(SBOM, `${JSON.stringify(sbom, undefined, 2)}\n`);
say(`${SBOM}: ${sbom.components.length} packages, CycloneDX ${sbom.specVersion}`);

const audit = askNpm(['audit', '--omit', 'dev', '--json'], { timeout: AUDIT_TIMEOUT_MS });
const counts = audit?.metadata?.vulnerabilities;
if (counts === undefined) {
  say('audit: not done, the registry gave no answer');
} else if (counts.total === 0) {
  say('audit: the registry knows of no vulnerability');
} else {
  for (const { name, severity, range } of Object.values(audit.vulnerabilities)) say(`  ${severity}: ${name} ${range}`);
  say(`audit: ${counts.total} packages are known to be vulnerable (npm audit --omit dev says more)`);
}
