import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: 'tests/helpers/servers.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Every file shares the one machine: side by side they would measure each other.
    fileParallelism: false,
  },
})
