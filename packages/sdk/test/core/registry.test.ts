import { assert, describe, it } from "vitest"
import { InvalidPolicyOption } from "../../src/core/errors.ts"
import { Registry } from "../../src/core/registry.ts"

describe("the registry", () => {
  it("gives one dependency for one name and options, and refuses other options", () => {
    const registry = new Registry()
    const first = registry.dependency("api", "github", { timeout: 1000 })
    assert.strictEqual(registry.dependency("api", "github", { timeout: "1 second" }), first)
    assert.throws(() => registry.dependency("api", "github", { timeout: 2000 }), InvalidPolicyOption)
  })
})
