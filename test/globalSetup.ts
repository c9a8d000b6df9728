/** One real PostgreSQL for the whole run of tests. */
import type { TestProject } from "vitest/node"
import { throwAwayPostgres } from "./throwAwayPostgres.ts"

declare module "vitest" {
  interface ProvidedContext {
    databaseUrl: string
  }
}

// What is tested is what PostgreSQL does, not what a disk does: nothing of this run outlives it.
const settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]

export default async (project: TestProject) => {
  const { stop, url } = await throwAwayPostgres("outrigger-test-", settings)
  project.provide("databaseUrl", url)
  return stop
}
