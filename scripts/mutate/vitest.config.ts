/** Only the tests that need no database: those of the core, and of the promise face, which drives the call. Simulations stand on all of it and hold none. */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** The copy that is broken, not what `node_modules` links to. */
const source = (path: string) => fileURLToPath(new URL(`../../packages/sdk/src/${path}`, import.meta.url))

/** A mutant is over with its first failure, so the quick tests come first, and those of a thousand runs last. */
class QuickestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const took = (file: TestSpecification) => this.ctx.cache.getTestSpecificationResult(file)?.duration ?? 0
    return files.toSorted((a, b) => took(a) - took(b))
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@outrigger\/sdk$/, replacement: source("index.ts") },
      { find: /^@outrigger\/sdk\/promise$/, replacement: source("promise/index.ts") }
    ]
  },
  test: {
    include: ["packages/sdk/test/core/**/*.test.ts", "packages/sdk/test/promise/**/*.test.ts"],
    exclude: ["packages/sdk/test/promise/{createOutrigger,fileCacheStore,Simulation}.test.ts", "packages/sdk/test/core/simulate/**"],
    setupFiles: ["scripts/mutate/oneSeed.ts"],
    sequence: { sequencer: QuickestFirst },
    testTimeout: 30_000
  }
})
