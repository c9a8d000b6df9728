import { assert, describe, it } from "vitest"
import { entryOf, explain, initial, reportOf, step } from "../../../src/core/health/health.ts"

describe("health", () => {
  const settings = { every: 1000, timeout: 500, failAfter: 2, recoverAfter: 1, criticality: "critical", readiness: false } as const
  const fail = { status: "fail", output: "refused" } as const
  const pass = { status: "pass" } as const
  const play = (...results: ReadonlyArray<typeof fail | typeof pass>) => results.reduce((state, result, index) => step(state, result, index, index, settings), initial(0))

  it("counts the first result at once, then turns bad after two and good after one", () => {
    assert.deepStrictEqual([play(fail), play(pass, fail), play(pass, fail, fail), play(pass, fail, pass, fail), play(pass, fail, fail, pass)].map(({ status }) => status),
      ["fail", "pass", "fail", "pass", "pass"])
  })
  it("is never green on an old result", () => {
    const state = play(pass)
    assert.strictEqual(entryOf(state, settings, 2500).status, "pass")
    const old = entryOf(state, settings, 2501)
    assert.deepInclude(old, { status: "warn", age: 2501 })
    assert.match(old.why!, /^stale: the last result is 2.5s old, one is due every 1s$/)
  })
  it("is not well before the first result, and says so", () => assert.deepInclude(entryOf(initial(0), settings, 0), { status: "warn", why: "it has not run yet" }))
  it("fails for what is critical, warns for the rest, and lets the ignored only show", () => {
    const overall = (status: "fail" | "warn", criticality: "critical" | "degrades" | "ignored") => reportOf({ x: [{ status, criticality }] }, 0).status
    assert.deepStrictEqual([overall("fail", "critical"), overall("warn", "critical"), overall("fail", "degrades"), overall("fail", "ignored")], ["fail", "warn", "warn", "pass"])
  })
  it("explains an error without the password in it", () => {
    assert.strictEqual(explain(new Error("connect postgres://app:secret@db:5432/x refused")), "connect postgres://db:5432/x refused")
    assert.isAtMost(explain("x".repeat(5000)).length, 300)
  })
})
