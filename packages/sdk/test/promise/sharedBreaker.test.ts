import { assert, describe, it } from "vitest"
import { breakerStore, type BreakerStorePort, memoryBreakerStore } from "../../src/core/breaker/breakerStore.ts"
import { createOutrigger } from "../../src/promise/index.ts"
import { caught, virtual } from "../support/virtual.ts"
import { fail } from "./make.ts"

/** Processes, each with a way of its own to one store. */
const world = (count: number, memory?: BreakerStorePort) => {
  const { port, timers } = virtual()
  const store = memory ?? memoryBreakerStore(port.now)
  const lines: Array<string> = []
  const processes = Array.from({ length: count }, () => {
    const outrigger = createOutrigger({ service: "shop", timers, log: (level, line) => lines.push(`${level} ${line}`) })
    const options = { timeout: false, retry: false, breaker: { failures: 1, openFor: 10_000, shared: { store: breakerStore(store) } } } as const
    return { outrigger, options, api: outrigger.api("payments", options) }
  })
  /** Everybody calls, and is answered or not. */
  const busy = async (millis: number, work: () => Promise<unknown>) => {
    for (let n = 0; n < millis; n += 200) {
      for (const { api } of processes) await caught(api.call(work))
      await port.pass(200)
    }
    return processes.map(({ api }) => api.state().breaker)
  }
  return { port, processes, lines, busy }
}

describe("a policy whose breaker is shared", () => {
  it("opens and closes with the others", async () => {
    const { busy, port, processes } = world(3)
    await busy(2000, async () => 1)
    for (const { api } of processes.slice(0, 2)) await caught(api.call(fail()))
    assert.deepStrictEqual(await busy(1000, async () => 1), ["open", "open", "open"])
    const error = await caught(processes[2]!.api.call(async () => 1))
    assert.strictEqual(error._tag, "BreakerOpenError")
    assert.isTrue(error.retryAfter > 0 && error.retryAfter <= 15_000)
    assert.deepStrictEqual(await busy(12_000, async () => 1), ["closed", "closed", "closed"])
    await Promise.all(processes.map(({ outrigger }) => outrigger.close()))
    assert.strictEqual(port.waiting.length, 0)
  })

  it("is made once, however often its api is asked for", async () => {
    const { port, processes } = world(1)
    const [{ options, outrigger }] = processes as [typeof processes[number]]
    let asked = 0
    const store = breakerStore({ exchange: async (requests) => (asked += requests.length, []) })
    for (let n = 0; n < 3; n++) outrigger.api("payments", { ...options, breaker: { ...options.breaker, shared: { store } } })
    await port.pass(0)
    assert.strictEqual(asked, 0)
  })

  it("is one and the same to the others through any update of its options", async () => {
    const turns: Array<number> = []
    const memory = memoryBreakerStore(() => 0)
    const { busy, processes } = world(1, { exchange: (requests) => { for (const { turn } of requests) turns.push(turn); return memory.exchange(requests) } })
    await busy(2000, async () => 1)
    processes[0]!.api.update({ timeout: 500 })
    await busy(2000, async () => 1)
    assert.isAbove(turns.length, 2)
    assert.deepStrictEqual(turns, turns.map((_, n) => n + 1))
  })

  it("speaks to nobody once it is closed, whatever options it is given then", async () => {
    const { busy, port, processes } = world(1)
    const [{ api, options, outrigger }] = processes as [typeof processes[number]]
    await busy(2000, async () => 1)
    await outrigger.close()
    api.update({ breaker: { ...options.breaker, failures: 2 } })
    assert.deepStrictEqual([await api.call(() => 1), port.waiting.length], [1, 0])
  })

  it("warns in the log when the store cannot be reached", async () => {
    const { busy, lines } = world(1, { exchange: () => Promise.reject(new Error("no route")) })
    await busy(2000, async () => 1)
    assert.deepStrictEqual(lines, ["warn Shared breakers: the store cannot be reached, each process goes by its own (no route)"])
  })

  it("is shared, and not any more, while it runs", async () => {
    const { busy, processes } = world(2)
    await busy(2000, async () => 1)
    const [one, two] = processes
    one!.api.update({ breaker: { failures: 1, openFor: 10_000 } })
    two!.api.isolate()
    assert.deepStrictEqual(await busy(2000, async () => 1), ["closed", "isolated"])
    one!.api.update({ breaker: one!.options.breaker })
    assert.deepStrictEqual(await busy(1000, async () => 1), ["isolated", "isolated"])
  })
})
