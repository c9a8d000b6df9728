/** Only the tests of the core: they need no database, and what holds a machine stands beside it. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: { include: ["packages/sdk/test/core/**/*.test.ts"], setupFiles: ["scripts/mutate/oneSeed.ts"], testTimeout: 30_000 }
})
