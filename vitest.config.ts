import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`packages/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run the sources, so that a stale build cannot pass.
    alias: [
      { find: /^@tutti\/shared\/errors$/, replacement: source('shared/src/errors.ts') },
      { find: /^@tutti\/shared\/crypto\/primitives$/, replacement: source('shared/src/crypto/node.ts') },
      { find: /^@tutti\/shared\/crypto\/web$/, replacement: source('shared/src/crypto/web.ts') },
      { find: /^@tutti\/(\w+)\/(\w+)\/(\w+)$/, replacement: source('$1/src/$2/$3.ts') },
      { find: /^@tutti\/(\w+)\/(\w+)$/, replacement: source('$1/src/$2/index.ts') },
      { find: /^@tutti\/(\w+)$/, replacement: source('$1/src/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    // Tests that wait for processes of their own leave a core free.
    maxWorkers: '100%',
    reporters: ['default'],
  },
});
