import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Line, type Member } from "../../../src/core/limits/line.ts"

class Person implements Member<Person> {
  ahead: Person | null = null
  behind: Person | null = null
  readonly name: number
  constructor(name: number) {
    this.name = name
  }
}

describe("a line", () => {
  it("keeps the order of a list, whoever leaves from where", () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.constant("push"), fc.constant("shift"), fc.nat(9)), { maxLength: 60 }), (commands) => {
      const line = new Line<Person>()
      const model: Array<Person> = []
      let names = 0
      for (const command of commands) {
        if (command === "push") {
          const person = new Person(names++)
          line.push(person)
          model.push(person)
        } else if (command === "shift") assert.strictEqual(line.shift(), model.shift() ?? null)
        else if (model.length > 0) {
          const [left] = model.splice(Number(command) % model.length, 1)
          line.remove(left!)
          assert.isTrue(left!.ahead === null && left!.behind === null)
        }
        assert.strictEqual(line.length, model.length)
        assert.strictEqual(line.head, model[0] ?? null)
      }
      for (const person of model) assert.strictEqual(line.shift(), person)
      assert.deepStrictEqual([line.length, line.head, line.shift()], [0, null, null])
    }))
  })
})
