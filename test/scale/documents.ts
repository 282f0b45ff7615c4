/** Where the tables stand that the calculation writes, and that a test holds. */
import { fileURLToPath } from 'node:url';
import { deploymentTable, idleTable } from './cost-tables.ts';
import type { Measured } from './operations.ts';
import { federationTable, stepTable } from './scale-tables.ts';

const document = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
const [SCALE, OPERATIONS] = [document('scale.md'), document('operations.md')];

export interface Section {
  readonly file: string;
  readonly name: string;
  readonly rows: readonly (readonly string[])[];
}

export function sectionsOf(measured: Measured): readonly Section[] {
  return [
    { file: SCALE, name: 'steps', rows: stepTable(measured) },
    { file: SCALE, name: 'federation', rows: federationTable(measured) },
    { file: OPERATIONS, name: 'idle month', rows: idleTable(measured) },
    { file: OPERATIONS, name: 'one deployment', rows: deploymentTable(measured) },
  ];
}
