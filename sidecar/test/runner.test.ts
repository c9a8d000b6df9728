/** A real agent, a real runner, a real PostgreSQL, and handlers that do their worst. */
import { readFileSync } from "node:fs"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import pg from "pg"
import { createDatabase } from "../../test/database.ts"
import { handlers, isAlive, Sidecar, until } from "./support/processes.ts"

let databaseUrl = ""
let drop: () => Promise<void> = async () => {}
beforeEach(async () => {
  ({ url: databaseUrl, drop } = await createDatabase())
})
afterEach(() => drop())

/** Where the handler that loops for ever does so. */
const spinLine = readFileSync(handlers("tasks.ts"), "utf8").split("\n").findIndex((line) => line.includes("for (;;) Math.sqrt")) + 1

const sidecar = (args: ReadonlyArray<string> = [], tasks = handlers("tasks.ts")): Sidecar =>
  new Sidecar(["--tasks", tasks, ...args], { DATABASE_URL: databaseUrl })

const runnerPid = async (of: Sidecar, from = 0): Promise<number> => Number((await of.printed(/Runner runner-1 is up \(process (\d+)\)/, from))[1])

/** The next runner, after what was printed so far. */
const replaced = async (of: Sidecar, from: number): Promise<void> => {
  await runnerPid(of, from)
  await until(async () => (await of.json("/health")).checks["runner:state"][0].status === "pass" ? true : undefined)
}

describe("a sidecar with a runner", () => {
  it("says what runs and how to enqueue, runs it, and stops cleanly", async () => {
    await using one = sidecar()
    const url = await one.url()
    assert.match(one.output, /tasks {5}greet, loop, exit/)
    assert.include(one.output, `curl -X POST ${url}/v1/tasks/greet`)
    assert.include(one.output, `-d '{"payload":{"name":"text"}}'`)
    for (const path of ["/livez", "/readyz", "/startupz", "/health"]) assert.strictEqual((await fetch(url + path)).status, 200, path)
    const task = await one.task(await one.enqueue("greet", { name: "Ada" }))
    assert.deepInclude(task, { state: "succeeded", result: "hello Ada (1)" })
    assert.strictEqual(await one.stop("SIGINT"), 0)
    assert.include(one.output, "Stopped")
  })

  it("runs handlers from CommonJS, of another copy of the SDK", async () => {
    await using one = sidecar([], handlers("common.cjs"))
    assert.strictEqual((await one.task(await one.enqueue("common", {}))).result, "from CommonJS")
  })

  it("puts the middleware of a handlers file around its handlers, and tells its hooks", async () => {
    await using one = sidecar([], handlers("around.ts"))
    assert.strictEqual((await one.task(await one.enqueue("whose", {}))).result, "tenant of whose")
    await one.printed(/settled: Succeed/)
  })

  it("gives tasks that say nothing else the operator's timeout", async () => {
    await using one = sidecar(["--task-timeout", "500ms", "--concurrency", "1"])
    await one.url()
    await one.enqueue("wait", { millis: 60_000 })
    await one.printed(/Task timeout after 0.5s/)
  })

  it("lets dead tasks go when the operator's time for them is over", async () => {
    const client = new pg.Client(databaseUrl)
    await client.connect()
    try {
      await using first = new Sidecar([], { DATABASE_URL: databaseUrl })
      await first.url()
      await first.stop()
      await client.query(`insert into outrigger.finished (id, fence, route, priority, state, attempt, created_at, run_at, finished_at, payload)
        select 1000 + age, 1, outrigger.route_of('default', 'a', 1), 5, 'dead', 1, now(), now(), now() - age * interval '1 day', '{}' from generate_series(1, 3, 2) age`)
      await using one = sidecar(["--keep-dead", "2d"])
      await one.url()
      const left = async () => (await client.query("select id::int from outrigger.finished")).rows
      assert.deepStrictEqual(await until(async () => (await left()).length < 2 ? left() : undefined), [{ id: 1001 }])
    } finally {
      await client.end()
    }
  })

  it("needs no handlers at all", async () => {
    await using one = new Sidecar([], { DATABASE_URL: databaseUrl })
    await one.url()
    assert.include(one.output, "none: start it with --tasks FILE")
    assert.notProperty((await one.json("/health")).checks, "runner:state")
  })

  it("shares the work among runners", async () => {
    await using one = sidecar(["--runners", "2"])
    await one.url()
    await one.printed(/Runner runner-2 is up/)
    const ids = await Promise.all(Array.from({ length: 20 }, () => one.enqueue("greet", { name: "Ada" })))
    for (const id of ids) assert.strictEqual((await one.task(id)).state, "succeeded")
    assert.strictEqual(await one.stop(), 0)
  })
})

describe("a handler", () => {
  it("that loops for ever is found out while /livez and /health answer; its neighbour goes back unspent", async () => {
    await using one = sidecar(["--kill-after", "2s"])
    const url = await one.url()
    const neighbour = await one.enqueue("wait", { millis: 4000 })
    await one.printed(/wait has begun/)
    const from = one.output.length
    const id = await one.enqueue("loop", {})
    const blocked = await until(async () => {
      assert.strictEqual((await fetch(`${url}/livez`)).status, 200)
      const { checks } = await one.json("/health")
      const [state] = checks["runner:state"]
      // on a machine that is short of processors a runner that waits for one looks blocked too, by nobody
      return state.observedValue === "blocked" && /by task/.test(state.why) ? state : undefined
    })
    assert.match(blocked.why as string, new RegExp(`its event loop has been blocked for .* s by task loop \\(\\d+\\), in spinForEver \\(.*tasks\\.ts:${spinLine}\\)`))
    const task = await one.task(id)
    assert.deepInclude(task, { state: "dead", attempt: 1 })
    assert.strictEqual(task.error.name, "EventLoopBlocked")
    assert.match(task.error.message, new RegExp(`^blocked the event loop for \\d+(\\.\\d)? s in spinForEver \\(.*tasks\\.ts:${spinLine}\\)$`))
    await replaced(one, from)
    assert.deepInclude(await one.task(neighbour), { state: "succeeded", attempt: 1, fence: "2" })
  })

  it("that calls process.exit spends its own attempt alone", async () => {
    await using one = sidecar()
    await one.url()
    const neighbour = await one.enqueue("wait", { millis: 1000 })
    await one.printed(/wait has begun/)
    const from = one.output.length
    const task = await one.task(await one.enqueue("exit", { code: 3 }))
    assert.deepInclude(task, { state: "dead", error: { name: "ProcessExit", message: "ended its runner with process.exit(3)" } })
    await replaced(one, from)
    assert.deepInclude(await one.task(neighbour), { state: "succeeded", attempt: 1 })
  })

  it("that fills the heap is told so, and the next runner works", async () => {
    await using one = sidecar(["--runner-memory", "64"])
    await one.url()
    const from = one.output.length
    const task = await one.task(await one.enqueue("heap", {}))
    assert.strictEqual(task.state, "dead")
    assert.strictEqual(task.error.name, "OutOfMemory")
    await replaced(one, from)
    assert.strictEqual((await one.task(await one.enqueue("greet", { name: "Ada" }))).state, "succeeded")
  })

  it("that throws outside of its promise is told so", async () => {
    await using one = sidecar()
    const task = await one.task(await one.enqueue("stray", {}))
    assert.deepInclude(task, { state: "dead", error: { name: "UncaughtError", message: "threw outside of its promise, which ended its runner: Error: astray" } })
  })

  it("that heeds neither timeout nor signal has its runner replaced", async () => {
    await using one = sidecar(["--kill-after", "500ms"])
    await one.url()
    const from = one.output.length
    const task = await one.task(await one.enqueue("stubborn", {}))
    assert.deepInclude(task, { state: "dead", error: { name: "TaskStuck", message: "went on for 0.5 s after its end: it heeds neither its timeout nor its signal" } })
    await replaced(one, from)
  })
})

describe("processes that are killed", () => {
  it("a killed runner is replaced, and every attempt it ran is spent", async () => {
    await using one = sidecar()
    const pid = await runnerPid(one)
    const id = await one.enqueue("wait", { millis: 60_000 })
    await one.printed(/wait has begun/)
    const from = one.output.length
    process.kill(pid, "SIGKILL")
    await replaced(one, from)
    const task = await until(async () => {
      const task = await one.json(`/v1/tasks/${id}`)
      return task.state === "scheduled" ? task : undefined
    })
    assert.deepInclude(task, { attempt: 1, error: { name: "RunnerKilled", message: "its runner was killed (SIGKILL) while it ran" } })
  })

  it("a runner whose agent was killed hands back what it has, and ends", async () => {
    await using one = sidecar()
    const pid = await runnerPid(one)
    const id = await one.enqueue("wait", { millis: 60_000 })
    await one.printed(/wait has begun/)
    await one.stop("SIGKILL")
    await until(() => isAlive(pid) ? undefined : true)
    await using next = new Sidecar([], { DATABASE_URL: databaseUrl })
    assert.deepInclude(await next.json(`/v1/tasks/${id}`), { state: "ready", attempt: 0 })
  })
})

describe("a stop", () => {
  it("lets what runs end, answers the probes meanwhile, and is not ready", async () => {
    await using one = sidecar()
    const url = await one.url()
    const id = await one.enqueue("wait", { millis: 1500 })
    await one.printed(/wait has begun/)
    const stopped = one.stop("SIGTERM")
    await one.printed(/SIGTERM: stopping/)
    const ready = await until(async () => {
      const answer = await fetch(`${url}/readyz`)
      return answer.status === 503 ? answer : undefined
    })
    assert.strictEqual((await ready.json() as { output: string }).output, "draining")
    assert.strictEqual((await fetch(`${url}/livez`)).status, 200)
    assert.strictEqual(await stopped, 0)
    await using next = new Sidecar([], { DATABASE_URL: databaseUrl })
    assert.deepInclude(await next.json(`/v1/tasks/${id}`), { state: "succeeded", result: "done", attempt: 1 })
  })

  it("hands back, unspent, what takes longer than the drain timeout", async () => {
    await using one = sidecar(["--drain-timeout", "300ms", "--kill-after", "300ms"])
    await one.url()
    const ids = [await one.enqueue("wait", { millis: 60_000 }), await one.enqueue("forever", {})]
    await one.printed(/wait has begun/)
    await one.printed(/forever has begun/)
    assert.strictEqual(await one.stop(), 0)
    await using next = new Sidecar([], { DATABASE_URL: databaseUrl })
    for (const id of ids) assert.deepInclude(await next.json(`/v1/tasks/${id}`), { state: "ready", attempt: 0 })
  })

  it("is forced by a second signal, and leaves no runner behind", async () => {
    await using one = sidecar()
    const pid = await runnerPid(one)
    await one.url()
    await one.enqueue("wait", { millis: 60_000 })
    await one.printed(/wait has begun/)
    one.child.kill("SIGINT")
    await one.printed(/SIGINT: stopping/)
    one.child.kill("SIGINT") // the same Ctrl-C, handed on by npm
    await new Promise((resolve) => setTimeout(resolve, 600)) // what counts as another one is told by the clock alone
    assert.isFalse(one.ended)
    assert.strictEqual(await one.stop("SIGINT"), 130)
    await until(() => isAlive(pid) ? undefined : true)
  })

  it("works while the start still waits for its database", async () => {
    await using one = new Sidecar([], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" })
    await one.printed(/trying again/)
    assert.strictEqual(await one.stop("SIGTERM"), 0)
  })
})

describe("the probes before the database is there", () => {
  it("say that it lives, and what it waits for", async () => {
    await using one = new Sidecar(["--port", "0", "--verbose"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" })
    const [, url] = await one.printed(/Listening on (\S+)/)
    assert.strictEqual((await fetch(`${url}/livez`)).status, 200)
    const ready = await fetch(`${url}/readyz`)
    assert.deepStrictEqual([ready.status, await ready.json()], [503, { status: "fail", output: "starting: the database is opened" }])
    assert.strictEqual((await fetch(`${url}/startupz`)).status, 503)
    assert.strictEqual((await fetch(`${url}/v1/queues`)).status, 503)
  })
})
