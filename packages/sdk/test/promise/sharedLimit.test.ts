import { assert, describe, it } from "vitest"
import { Dependency } from "../../src/core/dependency.ts"
import { limiterStore, memoryLimiterStore } from "../../src/core/limits/limiterStore.ts"
import { Api } from "../../src/promise/Api.ts"
import { caught, hang, virtual } from "../support/virtual.ts"

const scene = () => {
  const { port, timers } = virtual()
  const shared = memoryLimiterStore(port.now)
  const api = (store = shared) => new Api(new Dependency("payments", { rateLimit: { limit: 10, window: "1 second", burst: 4, shared: store } }, timers))
  return { port, shared, api }
}

describe("policies that share a limit", () => {
  it("are held to it together, also where nobody may wait, and say when to come again", async () => {
    const { api, port } = scene()
    const [one, other] = [api(), api()]
    const first = Array.from({ length: 4 }, () => one.call(() => "one"))
    await port.pass(1)
    assert.deepStrictEqual(await Promise.all(first), ["one", "one", "one", "one"])
    const asks = other.call(() => "other")
    await port.pass(1)
    const rejected = await caught(other.call(() => "never"))
    assert.strictEqual(rejected._tag, "RateLimitedError")
    assert.isAbove(rejected.retryAfter, 0)
    await port.pass(500)
    assert.strictEqual(await asks, "other")
  })

  it("go on by their share while the store hangs, and tell it once", async () => {
    const { api, port } = scene()
    const told: Array<boolean> = []
    const lonely = api(limiterStore({ take: hang }))
    lonely.on("sharing", ({ together }) => told.push(together))
    const calls = [lonely.call(() => 1), lonely.call(() => 2)]
    await port.pass(2000)
    assert.deepStrictEqual(await Promise.all(calls), [1, 2])
    assert.deepStrictEqual(told, [false])
  })

  it("let in who waits when the limit is turned off, or shared elsewhere", async () => {
    const { api, port } = scene()
    for (const rateLimit of [false, { limit: 1, window: 1000 }] as const) {
      const lonely = api(limiterStore({ take: hang }))
      const waits = lonely.call(() => "in")
      await port.pass(1)
      lonely.update({ rateLimit })
      await port.pass(1)
      assert.strictEqual(await waits, "in")
    }
  })
})
