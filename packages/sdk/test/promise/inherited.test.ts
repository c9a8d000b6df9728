import { assert, describe, it } from "vitest"
import { createOutrigger } from "../../src/promise/index.ts"
import { caught, hang, virtual } from "../support/virtual.ts"

describe("inherited deadlines", () => {
  const outriggerOf = (inheritDeadlines: boolean) => {
    const { port, timers } = virtual()
    const outrigger = createOutrigger({ service: "shop", timers, inheritDeadlines })
    const [outer, inner] = [outrigger.api("outer", { timeout: 100, retry: false }), outrigger.api("inner", { timeout: 1000, retry: false, breaker: { failures: 1 } })]
    return { port, outer, inner, outrigger }
  }

  it("end a call inside another with the nearer of both, which says nothing of the dependency", async () => {
    const { inner, outer, outrigger, port } = outriggerOf(true)
    const seen: Array<number> = []
    const answer = caught(outer.call(() => inner.call(({ deadline }) => { seen.push(deadline); return hang() })))
    await port.pass(100)
    assert.strictEqual((await answer).dependency, "outer")
    assert.deepInclude(inner.state(), { timeouts: 1, breaker: "closed" })
    assert.deepStrictEqual(seen, [100])
    void caught(inner.call(({ deadline }) => { seen.push(deadline - port.time); return hang() }))
    assert.deepStrictEqual(seen, [100, 1000]) // outside, its own alone
    await port.pass(1000)
    await outrigger.close()
  })

  it("are not taken unless they are asked for", async () => {
    const { inner, outer, outrigger, port } = outriggerOf(false)
    const seen: Array<number> = []
    const answer = caught(outer.call(() => inner.call(({ deadline }) => { seen.push(deadline); return hang() })))
    await port.pass(1000)
    await answer
    assert.deepStrictEqual(seen, [1000])
    await outrigger.close()
  })
})
