/** The end of `npm run package`: what a cold start of each function has to load. */
import { weighBundles } from './bundle-weights.ts';

const weights = await weighBundles();
const width = Math.max(...weights.map(({ name }) => name.length));
const row = (name: string, ...cells: readonly string[]): string =>
  `  ${name.padEnd(width)}${cells.map((cell) => cell.padStart(11)).join('')}\n`;

process.stdout.write(`\n${row('function', 'size', 'packages', 'import CPU')}`);
for (const { name, sizeBytes, packages, importCpuMilliseconds } of weights) {
  const cells = [`${Math.round(sizeBytes / 1024)} KiB`, String(packages), `${Math.round(importCpuMilliseconds)} ms`];
  process.stdout.write(row(name, ...cells));
}
