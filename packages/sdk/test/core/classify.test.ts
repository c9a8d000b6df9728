import { assert, describe, it } from "vitest"
import { classify, provesNothingApplied } from "../../src/core/classify.ts"

const coded = (code: string) => Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("inner"), { code }) })

describe("what an outcome means", () => {
  it.each<[what: string, value: unknown, ok: boolean, outcome: string]>([
    ["a value", 1, true, "success"], ["undefined", undefined, true, "success"], ["status 200", { status: 200 }, true, "success"],
    ["status 404", { status: 404 }, true, "permanent"], ["status 429", { status: 429 }, true, "transient"], ["status 408", { status: 408 }, true, "transient"],
    ["status 503", { status: 503 }, true, "transient"], ["an error of status 400", { status: 400 }, false, "permanent"], ["an error of status 500", { status: 500 }, false, "transient"],
    ["a refused connection", coded("ECONNREFUSED"), false, "transient"], ["a lost socket", coded("UND_ERR_SOCKET"), false, "transient"],
    ["a bug", new TypeError("x is not a function"), false, "permanent"], ["an own error", new Error("boom"), false, "transient"],
    ["a constraint", Object.assign(new Error("dup"), { code: "23505" }), false, "permanent"], ["bad syntax", Object.assign(new Error("syn"), { code: "42601" }), false, "permanent"],
    ["a deadlock", Object.assign(new Error("dead"), { code: "40P01" }), false, "transient"], ["undefined thrown", undefined, false, "transient"],
    ["a validation error", Object.assign(new Error("no"), { name: "ZodError" }), false, "permanent"]
  ])("%s", (_, value, ok, outcome) => assert.strictEqual(classify(value, ok), outcome))

  it("proves that nothing was applied only where no connection was made, or the dependency said so", () => {
    const proofs = [coded("ECONNREFUSED"), coded("ENOTFOUND"), { status: 429 }].map((value) => provesNothingApplied(value, false))
    const none = [coded("ECONNRESET"), new Error("boom"), { status: 503 }, undefined].map((value) => provesNothingApplied(value, false))
    assert.deepStrictEqual([proofs, none], [[true, true, true], [false, false, false, false]])
  })
})
