import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, expect, it } from "vitest"
import { createOutrigger, plot, simulate, Simulation } from "../../src/promise/index.ts"

const options: Simulation.Options = {
  load: { perSecond: 50 },
  dependency: { latency: { p50: "20 millis", p99: "100 millis" }, workers: 10, faults: [{ kind: "outage", at: "5 seconds", for: "5 seconds" }] },
  duration: "20 seconds"
}

/** All modules that are loaded with this one. */
const reached = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, specifier] of readFileSync(file, "utf8").matchAll(/^(?:import|export)(?! type)[^;]*? from "(\.[^"]+)"/gm)) {
    reached(join(dirname(file), specifier!), seen)
  }
  return seen
}

describe("the simulation of a live api", () => {
  it("plays its options of this moment, under its name, and touches nothing of it", () => {
    const api = createOutrigger({ service: "shop" }).api("payments", { timeout: 500, retry: false, breaker: { failures: 2, openFor: "1 second" } })
    const before = api.state()
    const first = simulate(api, options)
    assert.strictEqual(first.name, "payments")
    assert.isAbove(first.totals.openings, 0)
    assert.deepStrictEqual(first.totals, simulate({ timeout: 500, retry: false, breaker: { failures: 2, openFor: 1000 } }, options).totals)
    api.update({ breaker: false })
    assert.strictEqual(simulate(api, options).totals.openings, 0)
    assert.deepStrictEqual(api.state(), before)
  })

  it("compares it with itself, part by part, and draws that", () => {
    const api = createOutrigger({ service: "shop" }).api("payments")
    const results = Simulation.compare(api, options, ["naive"])
    assert.deepStrictEqual(results.map(({ name }) => name), ["payments", "naive retries"])
    expect(plot(results)).toMatch(/^<svg [^]*payments[^]*<\/svg>\n$/)
  })
})

it("nothing of the simulation is loaded with what runs in a host", () => {
  const source = join(import.meta.dirname, "../../src")
  const simulated = (entry: string) => [...reached(join(source, entry))].filter((file) => /src\/core\/simulate\/|Simulation\.ts$/.test(file))
  assert.deepStrictEqual(simulated("promise/createOutrigger.ts"), [])
  assert.deepStrictEqual(simulated("Api.ts"), [])
  assert.isAbove(simulated("promise/index.ts").length, 5)
})
