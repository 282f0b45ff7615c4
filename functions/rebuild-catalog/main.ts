/** `npm run rebuild`: for an operator with credentials of the AWS account, after rows of the catalog were lost (docs/operations.md). */
import { composeRebuildCatalog } from '../compose.ts';
import { rebuildCatalog } from './rebuild-catalog.ts';

const { restored, left } = await rebuildCatalog(composeRebuildCatalog());
const lines = [
  ...restored.map((what) => `restored  ${what}`),
  ...left.map(({ what, why }) => `left out  ${what}: ${why}`),
  `${restored.length} restored, ${left.length} left out`,
  ...(restored.length > 0
    ? [
        'What was restored is for its owner alone. Before it is shared again (edgeboot image share): set channels and',
        'deprecations anew, and recall and delete what had been: edgeboot audit list tells.',
      ]
    : []),
];
process.stdout.write(`${lines.join('\n')}\n`);
