/** A host with the SDK, a real sidecar beside it, a real PostgreSQL under both. */
import { join } from "node:path"
import pg from "pg"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { createOutrigger, type Outrigger } from "@outrigger/sdk/promise"
import { createDatabase } from "../database.ts"
import { freePort, type SidecarProcess, startSidecar } from "../support/sidecar.ts"
import * as Effect from "effect/Effect"
import { Tasks } from "@outrigger/sdk"
import { Greet, Judge, Wait } from "./handlers.ts"

const tasks = join(import.meta.dirname, "handlers.ts")
const ready = "Enqueue one"
const caught = (promise: Promise<unknown>): Promise<any> => promise.then(() => undefined, (error: unknown) => error)

let databaseUrl = ""
let port = 0
const closers: Array<() => unknown> = []

const sidecar = async (): Promise<SidecarProcess> => {
  const process = await startSidecar({ databaseUrl, tasks, port, flags: ["--drain-timeout", "1 second"] })
  closers.push(() => process.end("SIGKILL"))
  return process
}
const host = (timeout = 5000): Outrigger => {
  const outrigger = createOutrigger({ service: "shop", log: () => {}, sidecar: { url: `http://127.0.0.1:${port}`, timeout } })
  closers.push(() => outrigger.close())
  return outrigger
}
const until = async <A>(look: () => Promise<A | undefined>): Promise<A> => {
  for (;;) {
    const found = await look().catch(() => undefined)
    if (found !== undefined) return found
    await new Promise((resolve) => setImmediate(resolve))
  }
}

beforeEach(async () => {
  const database = await createDatabase()
  databaseUrl = database.url
  port = await freePort()
  closers.push(database.drop)
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe("a host and its sidecar", () => {
  it("run tasks of both faces, and the host hears the result", async () => {
    const beside = await sidecar()
    await beside.printed(ready)
    const outrigger = host()
    assert.strictEqual(await outrigger.execute(Greet, { name: "Ada" }), "hello Ada")
    const answer = await fetch(`${beside.url}/v1/tasks/judge`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ payload: { guilty: true } })
    })
    assert.deepStrictEqual([answer.status, answer.headers.get("location")?.startsWith("/v1/tasks/")], [202, true])
    const { id } = await answer.json() as { readonly id: string }
    const ended = await (await fetch(`${beside.url}/v1/tasks/${id}?wait=20s`)).json() as { readonly state: string; readonly error: unknown }
    assert.deepInclude(ended, { state: "dead" })
    assert.deepInclude(ended.error as object, { name: "Refused", error: { _tag: "Refused", why: "guilty" } })
    assert.strictEqual(await beside.end(), 0)
  })

  it("speak as effects too: a typed success, a typed failure, a task that was cancelled, a sidecar that is gone", async () => {
    const beside = await sidecar()
    await beside.printed(ready)
    const run = <A, E>(effect: Effect.Effect<A, E, Tasks.Tasks>) =>
      Effect.runPromise(Effect.provide(effect, Tasks.layerSidecar({ url: beside.url, timeout: "5 seconds" })))
    assert.strictEqual(await run(Judge.execute({ guilty: false })), "free")
    assert.deepInclude(await run(Effect.flip(Judge.execute({ guilty: true }))), { _tag: "Refused", why: "guilty" })
    const later = await run(Judge.enqueue({ guilty: false }, { delay: "1 hour" }))
    assert.strictEqual((await run(Tasks.Tasks.use((tasks) => tasks.cancel(later)))).state, "cancelled")
    assert.strictEqual((await run(Effect.flip(Tasks.Tasks.use((tasks) => tasks.find("999999")))))._tag, "TaskNotFound")
    assert.strictEqual((await run(Judge.enqueueMany([{ guilty: false }, { guilty: true }]))).length, 2)
    await beside.end()
    assert.strictEqual((await run(Effect.flip(Judge.enqueue({ guilty: false }))))._tag, "SidecarUnavailable")
  }, 60_000)

  it("may start in either order: what the host saved in its own transaction is done once there is a sidecar", async () => {
    const first = await sidecar()
    await first.printed(ready)
    await first.end()
    const client = new pg.Client(databaseUrl)
    await client.connect()
    await client.query("create table orders (id text primary key)")
    await client.query("begin")
    await client.query("insert into orders values ('A-1')")
    const { rows: [{ id }] } = await client.query(host().enqueueSql(Greet, { name: "order A-1" }))
    await client.query("commit")
    await client.end()
    const second = await sidecar()
    await second.printed(ready)
    const done = await until(async () => {
      const task = await host().task(id as string)
      return task.state === "succeeded" ? task : undefined
    })
    assert.strictEqual(done.result, "hello order A-1")
  })

  it("lose nothing when the agent is killed, and the host goes on without it", async () => {
    const killed = await sidecar()
    await killed.printed(ready)
    const outrigger = host()
    const api = outrigger.api("elsewhere")
    const id = await outrigger.enqueue(Wait, { millis: 2000 })
    await until(async () => (await outrigger.task(id)).state === "running" ? true : undefined)
    await killed.end("SIGKILL")
    assert.strictEqual(await api.call(() => "still here"), "still here")
    assert.strictEqual((await outrigger.health()).status, "pass")
    assert.strictEqual((await caught(host(100).enqueue(Greet, { name: "x" })))._tag, "SidecarUnavailable")
    await (await sidecar()).printed(ready)
    const done = await until(async () => {
      const task = await outrigger.task(id)
      return task.state === "succeeded" ? task : undefined
    })
    assert.strictEqual(done.result, "waited")
  }, 60_000)

  it("keep apart when the agent is frozen: calls and health answer, an enqueue ends at its deadline", async () => {
    const frozen = await sidecar()
    await frozen.printed(ready)
    const outrigger = host()
    frozen.child.kill("SIGSTOP")
    assert.strictEqual(await outrigger.api("elsewhere").call(() => 1), 1)
    assert.strictEqual((await outrigger.health()).status, "pass")
    const error = await caught(host(100).enqueue(Greet, { name: "later" }))
    assert.strictEqual(error._tag, "SidecarUnavailable")
    frozen.child.kill("SIGCONT")
    const id = await until(() => outrigger.enqueue(Greet, { name: "later" }, { idempotencyKey: error.idempotencyKey }))
    assert.strictEqual((await until(async () => (await outrigger.task(id)).result)), "hello later")
    const all = await (await fetch(`${frozen.url}/v1/tasks?name=greet`)).json() as { readonly tasks: ReadonlyArray<unknown> }
    assert.strictEqual(all.tasks.length, 1)
  }, 60_000)

  it("show the host in the sidecar's health, and let it go quietly when it says goodbye", async () => {
    const beside = await sidecar()
    await beside.printed(ready)
    const outrigger = host()
    await caught(outrigger.api("payments", { retry: false, breaker: { failures: 1 } }).call(() => Promise.reject(new Error("down"))))
    const health = async () => await (await fetch(`${beside.url}/health`)).json() as { readonly status: string; readonly checks: Record<string, ReadonlyArray<{ readonly why?: string }>> }
    const seen = await until(async () => {
      const report = await health()
      return Object.keys(report.checks).some((key) => key.includes("payments")) ? report : undefined
    })
    const [key] = Object.keys(seen.checks).filter((name) => name.includes("payments"))
    assert.strictEqual(seen.status, "warn")
    assert.match(seen.checks[key!]![0]!.why!, /breaker open since .*last failure: down/)
    await outrigger.close()
    await until(async () => Object.keys((await health()).checks).some((name) => name.includes("shop")) ? undefined : true)
    assert.strictEqual((await health()).status, "pass")
  }, 60_000)
})
