/** What handlers need, as the agent sees it. */
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { createDatabase } from "../../test/database.ts"
import { handlers, Sidecar, until } from "./support/processes.ts"

let databaseUrl = ""
let drop: () => Promise<void> = async () => {}
beforeEach(async () => {
  ({ url: databaseUrl, drop } = await createDatabase())
})
afterEach(() => drop())

describe("a dependency of the handlers", () => {
  it("that is down shows in /health with its reason, and no more attempts are spent on it", async () => {
    await using one = new Sidecar(["--tasks", handlers("needy.ts")], { DATABASE_URL: databaseUrl })
    const url = await one.url()
    const ids = [await one.enqueue("charge", {}), await one.enqueue("charge", {})]
    const health = await until(async () => {
      const health = await one.json("/health")
      return health.checks["payments:breaker"]?.[0].status === "warn" ? health : undefined
    })
    assert.strictEqual(health.status, "warn")
    assert.match(health.checks["payments:breaker"][0].why, /breaker open since .*payments is down/)
    // By the time a later task has run, anything that could be claimed would have been.
    assert.strictEqual((await one.task(await one.enqueue("mend", {}))).result, "open")
    const attempts = await Promise.all(ids.map(async (id) => (await one.json(`/v1/tasks/${id}`)).attempt as number))
    assert.isAtMost(attempts.reduce((sum, attempt) => sum + attempt, 0), 2)
    assert.strictEqual((await fetch(`${url}/readyz`)).status, 200)
  })
})

describe("the database", () => {
  it("that goes away fails /health and says why, and leaves /livez and /readyz alone", async () => {
    await using one = new Sidecar(["--tasks", handlers("tasks.ts")], { DATABASE_URL: databaseUrl })
    const url = await one.url()
    await drop()
    const health = await until(async () => {
      const answer = await fetch(`${url}/health`)
      return answer.status === 503 ? await answer.json() as any : undefined
    })
    assert.strictEqual(health.status, "fail")
    assert.match(health.checks["database:ping"][0].why, /does not exist|no answer|terminat|ConnectionError|Connection/)
    for (const path of ["/livez", "/readyz", "/startupz"]) assert.strictEqual((await fetch(url + path)).status, 200, path)
    const enqueue = await fetch(`${url}/v1/tasks/greet`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"payload":{"name":"Ada"}}' })
    assert.strictEqual(enqueue.status, 503)
    assert.strictEqual(enqueue.headers.get("content-type"), "application/problem+json")
  })
})

describe("a host that reports", () => {
  it("shows in /health, with its own checks, until it says goodbye", async () => {
    await using one = new Sidecar([], { DATABASE_URL: databaseUrl })
    const url = await one.url()
    const report = (sequence: number, final = false) => fetch(`${url}/v1/reports`, {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({
        service: "shop", instance: "i-1", sequence, lease: 15_000, final, deltas: {},
        report: { status: "warn", checks: { "payments:breaker": [{ status: "warn", criticality: "degrades", why: "breaker open" }] } }
      })
    })
    assert.deepStrictEqual(await (await report(1)).json(), { interval: 5000 })
    const health = await until(async () => {
      const health = await one.json("/health")
      return health.status === "warn" ? health : undefined // the agent's own checks are made one after the other at the start
    })
    assert.deepInclude(health.checks["shop/payments:breaker"][0], { status: "warn", why: "breaker open" })
    assert.deepInclude(health.hosts[0], { service: "shop", instance: "i-1", status: "warn" })
    await report(2, true)
    await until(async () => {
      const { hosts, status } = await one.json("/health")
      return status === "pass" && hosts.length === 0 ? true : undefined
    })
  })
})
