/** Only the tests that need no database: those of the core, and of the promise face, which drives the call. */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

/** The copy that is broken, not what `node_modules` links to. */
const face = fileURLToPath(new URL("../../packages/sdk/src/promise/index.ts", import.meta.url))

export default defineConfig({
  resolve: { alias: { "@outrigger/sdk/promise": face } },
  test: {
    include: ["packages/sdk/test/core/**/*.test.ts", "packages/sdk/test/promise/**/*.test.ts"],
    exclude: ["packages/sdk/test/promise/{createOutrigger,fileCacheStore}.test.ts"],
    setupFiles: ["scripts/mutate/oneSeed.ts"],
    testTimeout: 30_000
  }
})
