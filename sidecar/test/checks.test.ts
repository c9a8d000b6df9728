import { assert, describe, it } from "vitest"
import type { CheckResult } from "@outrigger/sdk/promise"
import { runnerState, timeoutRatio } from "../src/agent/health/checks.ts"
import { AgentHealth } from "../src/agent/health/AgentHealth.ts"
import { Hosts } from "../src/agent/health/hosts.ts"
import { escapeHtml, renderPage } from "../src/agent/http/page.ts"
import type { RunnerState } from "../src/agent/supervision/supervision.ts"

const runner = (state: RunnerState, blocked?: string, name = "runner-1") => ({ name, state, blocked })
const up: RunnerState = { _tag: "Up", since: 0, crashes: 0 }

describe("the state of the runners", () => {
  const rows: ReadonlyArray<readonly [what: string, runners: Parameters<typeof runnerState>[0], now: number, status: string, observed: string, why: string | undefined]> = [
    ["all up", [runner(up), runner(up)], 0, "pass", "up", undefined],
    ["one blocked", [runner(up), runner(up, "its event loop has been blocked for 2 s", "runner-2")], 0, "warn", "blocked", "runner-2: its event loop has been blocked for 2 s"],
    ["one that starts again", [runner({ _tag: "Starting", since: 0, crashes: 1, why: "it fell" })], 500, "warn", "starting", "runner-1 is starting, after: it fell"],
    ["one that waits", [runner({ _tag: "Backoff", since: 0, until: 100, crashes: 1, why: "it fell" })], 50, "warn", "backoff", "runner-1 is waiting to be started again, after: it fell"],
    ["one that keeps falling", [runner({ _tag: "Backoff", since: 0, until: 400, crashes: 3, why: "it fell" })], 50, "fail", "backoff", "runner-1 is waiting to be started again, after: it fell"],
    ["one that does not come up", [runner({ _tag: "Starting", since: 0, crashes: 0 })], 10_001, "fail", "starting", "runner-1 is starting"],
    ["one of two that keeps falling", [runner(up), runner({ _tag: "Backoff", since: 0, until: 400, crashes: 9, why: "it fell" }, undefined, "runner-2")], 50, "warn", "backoff", "runner-2 is waiting to be started again, after: it fell"],
    ["a long drain", [runner({ _tag: "Draining", since: 0 })], 20_000, "warn", "draining", "runner-1 is draining"]
  ]
  it.each(rows)("%s", (_, runners, now, status, observedValue, why) => {
    const entry = runnerState(runners, now)
    assert.deepStrictEqual([entry.status, entry.observedValue, entry.why], [status, observedValue, why])
  })
})

describe("the ratio of timeouts", () => {
  const counts = { ended: 0, timedOut: 0 }
  const at = { now: 0 }
  const look = (): CheckResult => ratio({ signal: AbortSignal.abort() }) as CheckResult
  let ratio = timeoutRatio(() => counts, () => at.now)

  it("says nothing with few samples, warns above 5 %, and forgets what was long ago", () => {
    ratio = timeoutRatio(() => counts, () => at.now)
    assert.strictEqual(look().status, "pass")
    Object.assign(counts, { ended: 19, timedOut: 19 })
    assert.strictEqual(look().status, "pass")
    Object.assign(counts, { ended: 20, timedOut: 19 })
    assert.deepInclude(look(), { status: "warn", observedValue: 95, observedUnit: "percent" })
    Object.assign(counts, { ended: 400, timedOut: 19 })
    assert.strictEqual(look().status, "pass")
    at.now = 301_000
    look()
    at.now = 602_000
    assert.deepInclude(look(), { status: "pass", observedValue: 0 })
  })
})

describe("readiness", () => {
  it("goes when no runner is up, and health fails with it", async () => {
    const health = new AgentHealth({ hosts: new Hosts(() => 0), log: () => {} })
    health.enter("serving")
    assert.strictEqual((await health.probe("/readyz", true)).status, 200)
    const state = runnerState([runner({ _tag: "Backoff", since: 0, until: 1, crashes: 3, why: "it fell" })], 0)
    health.runners = () => ({ state, checks: [] })
    assert.deepStrictEqual(await health.probe("/readyz", true), { status: 503, body: { status: "fail", output: "no runner is up: see /health" } })
    assert.deepStrictEqual(await health.probe("/readyz", false), { status: 503, body: { status: "fail" } })
    assert.strictEqual((await health.probe("/health", true)).status, 503)
    assert.strictEqual((await health.probe("/livez", true)).status, 200)
    await health.close()
  })
})

describe("the page", () => {
  it("escapes whatever comes from outside", () => {
    const evil = '<script>alert("1")</script>\'&'
    assert.strictEqual(escapeHtml(evil), "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;")
    const page = renderPage(
      { status: "warn", time: "", checks: { [evil]: [{ status: "warn", criticality: "degrades", why: evil, observedValue: evil }] } },
      [{ id: "1", name: evil, version: 1, queue: evil, state: "dead", priority: 5, payload: evil, attempt: 1, fence: "1", failure: { name: evil, message: evil }, createdAt: 0, runAt: 0 }]
    )
    assert.notInclude(page, "<script")
    assert.include(page, "&lt;script&gt;")
  })
})
