/** One real PostgreSQL for the whole run, in a folder that is thrown away. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { chmodSync } from "node:fs"
import type { TestProject } from "vitest/node"
import { Postmaster } from "../sidecar/src/embedded/Postmaster.ts"

declare module "vitest" {
  interface ProvidedContext {
    databaseUrl: string
  }
}

export default async (project: TestProject) => {
  const dataDir = mkdtempSync(join(tmpdir(), "outrigger-test-"))
  chmodSync(dataDir, 0o755)
  // What is tested is what PostgreSQL does, not what a disk does: nothing of this run outlives it.
  const postmaster = new Postmaster({ dataDir, log: () => {}, settings: ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] })
  await postmaster.start()
  project.provide("databaseUrl", postmaster.url())
  return async () => {
    await postmaster.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
