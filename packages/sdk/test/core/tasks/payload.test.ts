import { assert, describe, it } from "vitest"
import * as fc from "fast-check"
import { depthLimit, payloadFault } from "../../../src/core/tasks/payload.ts"

const bad: ReadonlyArray<readonly [what: string, value: unknown, message: RegExp]> = [
  ["a NUL character", "x\u0000", /NUL/],
  ["half of a surrogate pair", "a\uD800", /surrogate/],
  ["the other half", "\uDC00", /surrogate/],
  ["a number that is none", Number.NaN, /NaN/],
  ["a number without end", -Infinity, /-Infinity/],
  ["a bigint", 1n, /bigint/]
]

const nested = (depth: number): unknown => depth === 0 ? 1 : [nested(depth - 1)]

describe("payloads", () => {
  it("may be whatever JSON can hold", () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      assert.isUndefined(payloadFault(JSON.parse(JSON.stringify(value).replaceAll("\\u0000", "").replaceAll(/\\ud[89a-f]../gi, ""))))
    }), { numRuns: 500 })
    assert.isUndefined(payloadFault({ a: [1, "ä𝄞", null, true, { b: undefined }] }))
    assert.isUndefined(payloadFault({ at: new Date(0) }))
  })

  it.each(bad)("with %s are refused, with the path, wherever it stands", (_, value, message) => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.nat(5), fc.constantFrom("a", "b c", "ä")), { maxLength: 8 }), (path) => {
      const payload = path.reduceRight<unknown>((inner, key) => typeof key === "number" ? [...Array.from({ length: key }, () => 0), inner] : { x: 1, [key]: inner }, value)
      const fault = payloadFault(payload)
      assert.deepStrictEqual(fault?.path, path)
      assert.match(fault!.message, message)
    }))
  })

  it("are refused for a name that cannot be stored", () => {
    assert.deepStrictEqual(payloadFault({ a: { "k\u0000": 1 } })!.path, ["a", "k\u0000"])
    assert.match(payloadFault({ "\uD800": 1 })!.message, /its name holds half/)
  })

  it("nest as deep as they may, and no deeper, cycles among them", () => {
    assert.isUndefined(payloadFault(nested(depthLimit)))
    assert.match(payloadFault(nested(depthLimit + 1))!.message, /nests deeper than 200 levels/)
    const cycle: Record<string, unknown> = {}
    cycle["self"] = cycle
    assert.match(payloadFault(cycle)!.message, /nests deeper/)
  })

  it("are as large as they may be in bytes of JSON, and not a byte larger", () => {
    for (const character of ["x", "ä", "\u0001", "\"", "𝄞"]) {
      const size = (count: number) => new TextEncoder().encode(JSON.stringify(character.repeat(count))).length
      const fitting = Math.floor((100 - 2) / (size(1) - 2))
      assert.isUndefined(payloadFault(character.repeat(fitting), size(fitting)), character)
      assert.match(payloadFault(character.repeat(fitting), size(fitting) - 1)!.message, /bytes of JSON, over the limit/, character)
    }
  })
})
