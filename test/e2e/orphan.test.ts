/** A runner whose agent was killed does not live on, not even one that cannot be talked to. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { createDatabase } from "../database.ts"
import { startSidecar } from "../support/sidecar.ts"

let databaseUrl = ""
const closers: Array<() => unknown> = []

beforeEach(async () => {
  const database = await createDatabase()
  databaseUrl = database.url
  closers.push(database.drop)
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const isAlive = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

describe.runIf(process.platform === "linux")("a runner whose agent was killed", () => {
  for (const [what, task] of [["with nothing to do", undefined], ["in a handler that loops for ever", "spin"]] as const) {
    it(`ends, ${what}`, async () => {
      const sidecar = await startSidecar({ databaseUrl, tasks: join(import.meta.dirname, "handlers.ts") })
      closers.push(() => sidecar.end("SIGKILL"))
      await sidecar.printed("Enqueue one")
      const pid = Number(/in process (\d+)/.exec(sidecar.output())![1])
      if (task !== undefined) {
        await fetch(`${sidecar.url}/v1/tasks/${task}`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"payload":{}}' })
        const health = async () => JSON.stringify(await (await fetch(`${sidecar.url}/health`)).json())
        while (!(await health()).includes("event loop has been blocked")) await new Promise((resolve) => setImmediate(resolve))
      }
      await sidecar.end("SIGKILL")
      while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve))
      assert.isFalse(isAlive(pid))
    }, 60_000)
  }
})
