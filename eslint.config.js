import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Forbids imports that match `patterns` in `files`: the lines of docs/architecture.md, held by the linter. */
const boundary = (files, patterns, why) => ({
  files,
  rules: {
    'no-restricted-imports': ['error', { patterns: patterns.map((regex) => ({ regex, message: why })) }],
  },
});

const pure = 'packages/shared is isomorphic: no Node imports, no sockets, no files.';
const rooms = 'see "Who may import whom" in docs/architecture.md';
const node = '^node:';

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'runs/**'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts', '**/*.tsx'] })),
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['vitest.config.ts'] } } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Take a RandomSource: Math.random protects nobody.' },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', performance: 'readonly' },
    },
  },
  {
    files: ['examples/browser/**/*.js'],
    languageOptions: {
      globals: {
        document: 'readonly',
        dispatchEvent: 'readonly',
        CustomEvent: 'readonly',
        Option: 'readonly',
      },
    },
  },
  boundary(
    ['packages/shared/src/errors.ts', 'packages/shared/src/crypto/**'],
    [node, '^\\.\\./(secagg|privacy|learning|protocol)', '^@tutti/'],
    rooms,
  ),
  boundary(
    ['packages/shared/src/secagg/**'],
    [node, '^\\.\\./(privacy|learning|protocol)', '^@tutti/'],
    rooms,
  ),
  boundary(
    ['packages/shared/src/privacy/**'],
    [node, '^(\\.\\./)+(secagg|learning|protocol)', '^@tutti/'],
    rooms,
  ),
  boundary(
    ['packages/shared/src/learning/**'],
    [node, '^(\\.\\./)+(secagg|privacy|protocol)', '^@tutti/'],
    rooms,
  ),
  boundary(['packages/shared/src/protocol/**'], [node, '^(\\.\\./)+rights', '^@tutti/'], pure),
  boundary(['packages/shared/src/rights/**'], [node, '^(\\.\\./)+(secagg|learning)', '^@tutti/'], rooms),
  boundary(
    ['packages/shared/src/crypto/node.ts'],
    ['^\\.\\./(secagg|privacy|learning|protocol)', '^@tutti/'],
    rooms,
  ),
  boundary(['packages/client/src/**'], ['^@tutti/(server|simulation|audit|cli)(/|$)'], rooms),
  boundary(['packages/server/src/**'], ['^@tutti/(client|simulation|audit|cli)(/|$)'], rooms),
  boundary(
    ['packages/server/dashboard/**'],
    [node, '^@tutti/(client|server|simulation|audit|cli)(/|$)', 'src/(?!api/)'],
    'the dashboard knows the administration alone, as any other program does',
  ),
  boundary(['packages/simulation/src/**'], ['^@tutti/(audit|cli)(/|$)'], rooms),
  boundary(['packages/audit/src/**'], ['^@tutti/cli(/|$)'], rooms),
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
