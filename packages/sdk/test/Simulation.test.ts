import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import { assert, expect, it } from "vitest"
import { Retry, Simulation } from "../src/index.ts"
import { Simulation as Promises } from "../src/promise/index.ts"

const options: Simulation.Options = {
  load: { perSecond: 50 },
  dependency: { latency: { p50: Duration.millis(20), p99: "100 millis" }, workers: 10, faults: [{ kind: "outage", at: Duration.seconds(5), for: "5 seconds" }] },
  duration: Duration.seconds(20)
}

it("both faces play the same, each with its own durations", () => {
  const ours = Simulation.simulate({ timeout: Duration.seconds(2), retry: Retry.database, breaker: { failures: 5, openFor: "1 second" } }, options)
  const promises = Promises.simulate({ timeout: 2000, retry: { times: 2, base: 100, max: 2000 }, breaker: { failures: 5, openFor: 1000 } }, {
    ...options as Promises.Options,
    dependency: { latency: { p50: 20, p99: 100 }, workers: 10, faults: [{ kind: "outage", at: 5000, for: 5000 }] },
    duration: 20_000
  })
  assert.deepStrictEqual(ours, promises)
})

it("compares and draws a policy", () => {
  const results = Simulation.compare({ retry: Retry.api }, options, ["retry"])
  assert.deepStrictEqual(results.map(({ name }) => name), ["policy", "without retry"])
  expect(Simulation.plot(results)).toMatch(/without retry/)
})

it("refuses a schedule, which only a fiber can step", () => {
  expect(() => Simulation.simulate({ retry: Schedule.recurs(2) }, options)).toThrow(/retry is "a schedule", but must be options/)
})
