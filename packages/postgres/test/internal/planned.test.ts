/** Values as literals of a statement: PostgreSQL reads them as it reads parameters. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import { PgClient } from "@effect/sql-pg"
import { withLiterals } from "../../src/internal/planned.ts"
import { freshDatabase } from "../../../../test/database.ts"

const texts = ["", "it's", "\\", "\\'", "' or '1'='1", "$1", "{a,b}", "\"quoted\"", "a\nb\tc", "ä€𝄞", "null", "--", "{\"a\":\"\\\\\\\"'\"}"]
const numbers = [0, 1, -1, 2 ** 31, -(2 ** 40), 0.1, -1e-9, 1e300]

describe("a literal", () => {
  const rows: ReadonlyArray<readonly [what: string, text: string, values: ReadonlyArray<unknown>]> = [
    ["is made of texts", `select ${texts.map((_, index) => `$${index + 1}::text as c${index}`).join(", ")}`, texts],
    ["is made of numbers", `select ${numbers.map((_, index) => `$${index + 1}::float8 as c${index}`).join(", ")}`, numbers],
    ["is made of arrays", "select $1::text[] as a, $2::bigint[] as b, $3::float8[] as c, $4::text[] as d, $5::text[] as e", [texts, [1, -2, 3], [0.5, -0.5], [], ["a", null]]],
    ["is made of the rest", "select $1::boolean as a, $2::boolean as b, $3::text as c, $4::jsonb as d, 1 - $5::int as e", [true, false, null, "{\"a\":[1,\"x'y\"]}", -1]]
  ]
  for (const [what, text, values] of rows) {
    it.live(what, () => Effect.scoped(Effect.gen(function*() {
      const sql = yield* PgClient.make({ url: Redacted.make(yield* freshDatabase), maxConnections: 1 })
      assert.deepStrictEqual(yield* sql.unsafe(withLiterals(text, values)), yield* sql.unsafe(text, values))
    })).pipe(Effect.provide(Reactivity.layer)))
  }

  it("stands where it is asked for, and is not looked at again", () => {
    const values = ["$2", "b", 3, 4, 5, 6, 7, 8, 9, 10]
    assert.strictEqual(withLiterals("select $1, $2, $1, $10", values), "select '$2', 'b', '$2', 10")
  })

  it("is not made of what has none", () => {
    assert.throws(() => withLiterals("select $1", [{ a: 1 }]), TypeError, "no literal")
  })
})
