import tseslint from 'typescript-eslint';

/** The import rule: who may import whom. `shared` imports nothing of ours; the four programs never import each other. */
const programs = ['functions', 'edge-agent', 'cli', 'local'];
const forbid = (folders, message) => folders.map((folder) => ({ regex: `(^|/)${folder}/`, message }));
const programRules = programs.map((program) => ({
  files: [`${program}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: forbid(
          programs.filter((other) => other !== program),
          `${program}/ imports shared/ and itself, never another program.`,
        ),
      },
    ],
  },
}));

/** Inside a program only compose.ts knows which adapter stands behind a port. */
const compositionRules = ['functions', 'edge-agent'].map((program) => ({
  files: [`${program}/**/*.ts`],
  ignores: [`${program}/**/compose.ts`, `${program}/adapters/**`, `${program}/drivers/**`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          ...forbid(
            programs.filter((other) => other !== program),
            `${program}/ imports shared/ and itself, never another program.`,
          ),
          ...forbid(
            ['adapters', 'drivers'],
            'Only compose.ts imports adapters and drivers: everybody else asks for a port.',
          ),
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['node_modules/', 'build/', '.serverless/', 'eslint.config.js', '**/*.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      // What is only held, until the block ends.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
    },
  },
  {
    files: ['shared/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: forbid(programs, 'shared/ imports nothing of ours.') }],
    },
  },
  ...programRules,
  ...compositionRules,
);
