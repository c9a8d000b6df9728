import { assert, describe, it } from "vitest"
import { type Fate, type Mutant, mutated, render, scoreOf } from "../mutate/score.ts"

const mutant = (file: string, line: number, fate: Fate): Mutant => ({ file, line, before: `line ${line}`, after: `broken ${line}`, fate })
const equivalent = (file: string, line: number) => ({ file, original: `line ${line}`, mutated: `broken ${line}`, because: "it does the same" })

describe("a mutant", () => {
  it("is shown as the line it stands on, before and after", () =>
    assert.deepStrictEqual(mutated("a\n  if (x > 1) b()\nc", { start: { line: 2, column: 7 }, end: { line: 2, column: 12 } }, "x >= 1"), {
      before: "if (x > 1) b()", after: "if (x >= 1) b()"
    }))

  it("of many lines is shown on one", () =>
    assert.deepStrictEqual(mutated("f() {\n  a()\n  b()\n} // end\nc", { start: { line: 1, column: 5 }, end: { line: 4, column: 2 } }, "{}"), {
      before: "f() { a() b() } // end", after: "f() {} // end"
    }))
})

describe("the score", () => {
  const mutants = [
    mutant("core/b.ts", 9, "alive"), mutant("core/a.ts", 2, "alive"), mutant("core/a.ts", 1, "alive"), mutant("core/a.ts", 3, "killed"),
    mutant("core/b.ts", 1, "killed"), mutant("core/b.ts", 2, "hung")
  ]

  it("is how many died, of each file and of all, survivors in their order", () => {
    const { files, percent, stale, survivors } = scoreOf(["core/a.ts", "core/b.ts"], mutants, [])
    assert.deepStrictEqual(files.map(({ hung, killed, mutants, percent, survived }) => [mutants, killed, hung, survived, percent]), [[3, 1, 0, 2, 33.33], [3, 1, 1, 1, 66.66]])
    assert.deepStrictEqual([percent, stale, survivors.map(({ file, line }) => `${file}:${line}`)], [50, [], ["core/a.ts:1", "core/a.ts:2", "core/b.ts:9"]])
  })

  it("leaves out what does the same", () => {
    const { files, percent, survivors } = scoreOf(["core/a.ts"], mutants.filter(({ file }) => file === "core/a.ts"), [equivalent("a.ts", 1), equivalent("a.ts", 2)])
    assert.deepStrictEqual([files, percent, survivors], [[{ file: "core/a.ts", mutants: 1, killed: 1, hung: 0, survived: 0, equivalent: 2, percent: 100 }], 100, []])
  })

  it("names what is called equivalent and is dead, or not made; of files that were looked at only", () => {
    const dead = equivalent("a.ts", 3), unknown = equivalent("a.ts", 7)
    assert.deepStrictEqual(scoreOf(["core/a.ts"], mutants, [dead, unknown, equivalent("b.ts", 1)]).stale, [dead, unknown])
  })

  it("of nothing is whole", () => assert.strictEqual(scoreOf(["core/a.ts"], [], []).percent, 100))

  it("is shown with every survivor, where it stands and what it does", () => {
    const text = render(scoreOf(["core/a.ts"], mutants, [equivalent("a.ts", 1)]))
    assert.include(text, "core/a.ts:2\n  - line 2\n  + broken 2\n")
    assert.match(text, /core\/a\.ts +2 +1 +0 +1 +1 +50 %/)
  })
})
