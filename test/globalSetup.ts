/** One real PostgreSQL for the whole run, in a folder that is thrown away, however the run ends. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    databaseUrl: string
  }
}

// What is tested is what PostgreSQL does, not what a disk does: nothing of this run outlives it.
const settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]

export default async (project: TestProject) => {
  const dataDir = mkdtempSync(join(tmpdir(), "outrigger-test-"))
  chmodSync(dataDir, 0o711) // as root, PostgreSQL runs as somebody who must pass
  const program = join(import.meta.dirname, "holdPostgres.ts")
  const holder = spawn(process.execPath, [program, dataDir, "--throw-away", ...settings], { stdio: ["pipe", "pipe", "pipe"] })
  let said = ""
  holder.stderr.setEncoding("utf8").on("data", (text: string) => { said += text })
  const ended = once(holder, "close")
  const answer = await Promise.race([once(createInterface(holder.stdout), "line"), ended.then(() => undefined)])
  if (answer === undefined) throw new Error(`The tests' PostgreSQL did not start:\n${said}`)
  const { url } = JSON.parse(String(answer[0])) as { readonly url: string }
  project.provide("databaseUrl", url)
  return async () => {
    holder.stdin.end()
    await ended
  }
}
