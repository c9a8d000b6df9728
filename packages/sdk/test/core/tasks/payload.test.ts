import { assert, describe, it } from "vitest"
import { payloadFault } from "../../../src/core/tasks/payload.ts"

describe("payloads", () => {
  it("takes what JSON and PostgreSQL can hold, and says where something else is", () => {
    assert.isUndefined(payloadFault({ a: [1, "ä𝄞", null, true, { b: undefined }] }))
    assert.deepStrictEqual(payloadFault({ a: [{ b: "x\u0000" }] })!.path, ["a", 0, "b"])
    assert.deepStrictEqual(payloadFault({ "k\u0000": 1 })!.path, ["k\u0000"])
    assert.match(payloadFault({ n: 1n })!.message, /bigint/)
    const cycle: Record<string, unknown> = {}
    cycle["self"] = cycle
    assert.match(payloadFault(cycle)!.message, /nests deeper/)
  })
})
