import { defineConfig } from 'vitest/config'

const shared = {
  testTimeout: 30_000,
  hookTimeout: 120_000,
  globalSetup: ['test/support/postgres-global-setup.ts'],
}

export default defineConfig({
  test: {
    // Most tests wait for a database or a socket: one worker for each processor, in place of one fewer.
    maxWorkers: '100%',
    projects: [
      { test: { ...shared, name: 'unit', include: ['src/**/*.test.ts', 'test/support/**/*.test.ts'] } },
      { test: { ...shared, name: 'conformance', include: ['test/conformance/**/*.test.ts'] } },
      {
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          fileParallelism: false,
        },
      },
      // Long proofs, each with a short form above; `npm run soak`.
      {
        test: {
          ...shared,
          name: 'soak',
          include: ['test/soak/**/*.test.ts'],
          testTimeout: 3_600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
