import { assert, describe, it } from "vitest"
import { classify, type Outcome, provesNothingApplied } from "../../../src/core/retry/classify.ts"

const coded = (code: unknown) => Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("inner"), { code }) })
const sql = (code: string) => Object.assign(new Error("SQL"), { code })
const named = (name: string) => Object.assign(new Error("no"), { name })
/** An error whose code lies this many causes deep. */
const deep = (causes: number): unknown => causes === 0 ? { code: "ECONNREFUSED" } : { cause: deep(causes - 1) }

const neverConnected = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "EHOSTDOWN", "UND_ERR_CONNECT_TIMEOUT"]
const lost = ["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"]

describe("what an outcome means", () => {
  it.each<[what: string, value: unknown]>([
    ["a value", 1], ["undefined", undefined], ["null", null], ["an error that is a value", new TypeError("x")], ["a status that is a text", { status: "500" }],
    ["a function with a status", Object.assign(() => {}, { status: 500 })]
  ])("%s is a success", (_, value) => assert.strictEqual(classify(value, true), "success"))

  it.each<[status: number, result: Outcome, error: Outcome]>([
    [200, "success", "permanent"], [301, "success", "permanent"], [399, "success", "permanent"], [400, "permanent", "permanent"], [404, "permanent", "permanent"],
    [407, "permanent", "permanent"], [408, "transient", "transient"], [409, "permanent", "permanent"], [424, "permanent", "permanent"], [425, "transient", "transient"],
    [426, "permanent", "permanent"], [428, "permanent", "permanent"], [429, "transient", "transient"], [430, "permanent", "permanent"], [499, "permanent", "permanent"],
    [500, "transient", "transient"], [503, "transient", "transient"], [599, "transient", "transient"]
  ])("status %d: a result is %s, an error %s", (status, result, error) =>
    assert.deepStrictEqual([classify({ status }, true), classify({ status }, false)], [result, error]))

  it.each([...neverConnected, ...lost])("a network failure of code %s is transient, although fetch calls it a TypeError", (code) => assert.strictEqual(classify(coded(code), false), "transient"))

  it.each<[what: string, error: unknown, outcome: Outcome]>([
    ["a bug", new TypeError("x is not a function"), "permanent"], ["a range error", new RangeError("x"), "permanent"], ["a reference error", new ReferenceError("x"), "permanent"],
    ["a syntax error", new SyntaxError("x"), "permanent"], ["an own error", new Error("boom"), "transient"], ["undefined thrown", undefined, "transient"],
    ["null thrown", null, "transient"], ["a text thrown", "boom", "transient"], ["a text that is a code", "ECONNREFUSED", "transient"], ["an object thrown", {}, "transient"],
    ["a bug of an unknown code", Object.assign(new TypeError("x"), { code: "ERR_INVALID_ARG_TYPE" }), "permanent"], ["a bug of an empty code", coded(""), "permanent"],
    ["an empty code before its cause's", { code: "", cause: { code: "23505" } }, "permanent"], ["a bug whose code is a number", coded(7), "permanent"], ["a bug whose cause is null", Object.assign(new TypeError("x"), { cause: null }), "permanent"],
    ["a reason", { reason: { code: "23505" } }, "permanent"], ["a cause before a reason", { cause: { code: "40001" }, reason: { code: "23505" } }, "transient"],
    ["a code before its cause's", Object.assign(sql("23505"), { cause: { code: "40001" } }), "permanent"], ["a cause that is a function", Object.assign(new TypeError("x"), { cause: Object.assign(() => {}, { code: "ECONNRESET" }) }), "permanent"]
  ])("%s", (_, error, outcome) => assert.strictEqual(classify(error, false), outcome))

  it.each(["ZodError", "ValiError", "ValidationError", "SchemaError", "ParseError", "InvalidPayload", "InvalidOption"])("%s, by its name or its tag, is permanent", (name) =>
    assert.deepStrictEqual([classify(named(name), false), classify({ _tag: name }, false), classify({ name }, false)], ["permanent", "permanent", "transient"]))

  it.each<[code: string, outcome: Outcome]>([
    ["22001", "permanent"], ["23505", "permanent"], ["28P01", "permanent"], ["3D000", "permanent"], ["3F000", "permanent"], ["42601", "permanent"], ["44000", "permanent"],
    ["40001", "transient"], ["40P01", "transient"], ["53300", "transient"], ["57P01", "transient"], ["08006", "transient"], ["24000", "transient"], ["12250", "transient"]
  ])("SQLSTATE %s is %s", (code, outcome) => assert.strictEqual(classify(sql(code), false), outcome))

  it("what only looks like an SQLSTATE is none", () => {
    for (const code of ["235055", "2350", "23505x", "x23505", "23-05", "23abc"]) {
      assert.strictEqual(classify(sql(code), false), "transient", code)
      assert.strictEqual(classify(coded(code), false), "permanent", "as the TypeError that it is")
    }
  })

  it("a code is looked for four deep, and no deeper", () => {
    const found = (causes: number) => classify(Object.assign(new TypeError("x"), { cause: deep(causes) }), false)
    assert.deepStrictEqual([0, 1, 2, 3, 10].map(found), ["transient", "transient", "transient", "permanent", "permanent"])
    const circle: { cause?: unknown } = {}
    circle.cause = circle
    assert.strictEqual(classify(circle, false), "transient")
  })
})

describe("proof that nothing was applied", () => {
  it.each(neverConnected)("is a connection that was never made: %s", (code) => assert.isTrue(provesNothingApplied(coded(code), false)))
  it.each(lost)("is not one that was lost: %s", (code) => assert.isFalse(provesNothingApplied(coded(code), false)))
  it("is a dependency that says it did not begin, as a result or as an error", () =>
    assert.deepStrictEqual([true, false].map((ok) => provesNothingApplied({ status: 429 }, ok)), [true, true]))
  it.each<[what: string, value: unknown]>([
    ["an error", new Error("boom")], ["a status 503", { status: 503 }], ["undefined", undefined], ["null", null], ["a text", "ECONNREFUSED"],
    ["a status 429 on what is no object", Object.assign(() => {}, { status: 429 })]
  ])("is not %s", (_, value) => assert.isFalse(provesNothingApplied(value, false)))
  it("is not what throws when it is looked at", () => {
    const closed = (property: string) => Object.defineProperty({}, property, { get() { throw new Error("hands off") } })
    assert.deepStrictEqual(["status", "code", "cause"].map((property) => provesNothingApplied(closed(property), false)), [false, false, false])
  })
  it("is not a result that carries a code", () => assert.isFalse(provesNothingApplied({ code: "ECONNREFUSED" }, true)))
})
