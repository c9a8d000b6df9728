import { assert, describe, expectTypeOf, it } from "vitest"
import { caught, hang } from "../support/virtual.ts"
import { fail, make } from "./make.ts"

describe("a fallback", () => {
  it("answers in place of the last error, and of a rejection, with what it is told of it", async () => {
    const { api } = make({})
    const seen: Array<string> = []
    api.on("fallback", ({ operation }) => seen.push(String(operation)))
    const answer = api.call(async () => 1, { fallback: () => "none" })
    expectTypeOf(answer).resolves.toEqualTypeOf<number | string>()
    expectTypeOf(api.call(() => 1)).resolves.toEqualTypeOf<number>()
    assert.strictEqual(await answer, 1)
    assert.strictEqual(await api.call(fail(new Error("boom")), { operation: "search", fallback: (error) => (error as Error).message }), "boom")
    api.isolate()
    assert.strictEqual(await api.call(() => 1, { fallback: async (error) => (error as { readonly _tag: string })._tag }), "BreakerOpenError")
    assert.deepStrictEqual([api.state().fallbacks, seen], [2, ["search", "undefined"]])
  })

  it("that fails too gives its own error", async () => {
    const { api } = make({})
    assert.strictEqual((await caught(api.call(fail(), { fallback: () => { throw new Error("worse") } }))).message, "worse")
  })

  it("is not asked when the caller itself has left", async () => {
    const { api } = make({})
    const caller = new AbortController()
    const answer = caught(api.call(hang, { signal: caller.signal, fallback: () => "never" }))
    caller.abort("bye")
    assert.deepStrictEqual([await answer, api.state().fallbacks], ["bye", 0])
  })
})
