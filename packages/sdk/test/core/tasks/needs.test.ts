import { describe, expect, it } from "vitest"
import { Dependency } from "../../../src/core/dependency.ts"
import { probesOf, waitOf } from "../../../src/core/tasks/needs.ts"

/** Three dependencies, of which those named are open since 0, and those in capitals isolated by hand. */
const finding = (...down: ReadonlyArray<string>) => {
  const all = new Map(["a", "b", "c"].map((name, index) =>
    [name, new Dependency(name, { breaker: { failures: 1, openFor: 10_000 * (index + 1), halfOpenCalls: 3 - index } })]))
  for (const name of down) {
    const breaker = all.get(name.toLowerCase())!.breaker!
    const ticket = { generation: 0, probe: 0 }
    breaker.admit(ticket, 0)
    breaker.settled(ticket, "failure", () => 0)
    if (name !== name.toLowerCase()) breaker.isolate()
  }
  return (name: string) => all.get(name)
}

describe("what a task needs", () => {
  it.each([
    ["lets all through while all is well, or unknown", [], ["a", "stranger"], 0, Infinity, 0],
    ["lets none through while one is open, until that is over", ["a"], ["b", "a"], 4000, 0, 6000],
    ["waits for the last of those that are open", ["a", "b"], ["a", "b"], 4000, 0, 16_000],
    ["lets as many probe as the narrowest does", ["a", "b"], ["a", "b"], 20_000, 2, 0],
    ["does not wait for one that is isolated", ["a", "B"], ["a", "b"], 4000, 0, undefined]
  ] as const)("%s", (_, down, needs, now, probes, wait) => {
    const find = finding(...down)
    expect([probesOf(needs, find, now), waitOf(needs, find, now)]).toEqual([probes, wait])
  })
})
