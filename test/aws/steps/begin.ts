/** Before anything is made: is the stage free, does the person want it, and the keys that never leave this machine. */
import { EdgebootError } from '#shared/errors.ts';
import { makeKeys } from '../keys.ts';
import type { Step } from '../step.ts';
import { findTraces } from '../traces.ts';

export const BEGIN: readonly Step[] = [
  {
    name: 'look whether the stage is free',
    why: 'what is there already is somebody’s, and would be removed in the end',
    makes: () => [],
    costs: 'nothing',
    run: async ({ target }) => {
      const found = await findTraces(target);
      if (found.length > 0) {
        throw new EdgebootError('CONFLICT', `the stage ${target.stage} exists: ${found.join(', ')}`, {
          remedy: `Nothing was touched. Choose another --stage; or, where it is left of an earlier run, remove it: npm run verify:aws -- --remove --stage ${target.stage}.`,
        });
      }
      return `account ${target.account}, region ${target.region}, as ${target.caller}: nothing of ${target.names.stack} is there`;
    },
    undo: [],
  },
  {
    name: 'ask whether to go on',
    why: 'it costs money; --yes answers beforehand',
    makes: () => [],
    costs: 'nothing',
    run: async (run) => {
      await run.confirm();
      return 'yes';
    },
    undo: [],
  },
  {
    name: 'make keys',
    why: "the federation's root, the pair that signs URLs, and the one that signs members' tokens: of this run alone",
    makes: () => ['keys, in the memory and the temporary folder of this process'],
    costs: 'nothing',
    run: async (run) => {
      run.facts.keys = await makeKeys();
      return 'the public halves go to AWS, and the private one that the mint function signs with';
    },
    undo: [],
  },
];
