import { configDefaults, defineConfig } from "vitest/config"
import { leftOut } from "./test/systemPrograms.ts"

/** Workspace packages run from source, in tests as in development. */
const source = "outrigger-source"

export default defineConfig({
  ssr: { resolve: { conditions: [source, "node", "development|production"], externalConditions: [source, "node"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "sidecar/test/**/*.test.ts", "test/**/*.test.ts", "scripts/test/**/*.test.ts", "examples/*/test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...leftOut()],
    globalSetup: ["test/globalSetup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
