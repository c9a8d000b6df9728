import { describe, expect, it } from "vitest"
import { Narrator, paintFor } from "../demo/Narrator.ts"
import { tableOf } from "../demo/table.ts"
import type { Figures } from "../demo/tally.ts"

const figures = (more: Partial<Figures> = {}): Figures => ({
  ordersIn: 300, charged: 300, lost: [], chargedTwice: [], hung: 0, errors: 4, gaveUp: 0, stale: 80, retries: 60, repeated: 40, openings: 7,
  p50: 4.2, p99: 812, slowestHealth: 31, ...more
})
const plain = paintFor({}, {})

describe("the last table", () => {
  it("has one column a run, with the worst in red and the good in green", () => {
    const paint = paintFor({ isTTY: true }, {})
    const lines = tableOf([
      { title: "with Outrigger", figures: figures() },
      { title: "without", figures: figures({ lost: ["W-1", "W-2"], openings: undefined, slowestHealth: Infinity }) }
    ], 5000, paint)
    const lost = lines.find((line) => line.includes("lost"))
    expect(lost).toMatch(/\u001b\[32m +0\u001b\[0m\u001b\[31m +2\u001b\[0m$/)
    expect(lines.find((line) => line.includes("breaker openings"))).toMatch(/ 7 +none to open$/)
    expect(lines.at(-1)).toMatch(/31 ms +no answer$/)
  })

  it("is as wide in every line, and without colours where they are not wanted", () => {
    const lines = tableOf([{ title: "with Outrigger", figures: figures() }], 5000, plain)
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1)
    expect(lines.join("")).not.toContain("\u001b")
  })
})

describe("the narrator", () => {
  it.each([
    { isTTY: true, env: {}, painted: true },
    { isTTY: true, env: { NO_COLOR: "1" }, painted: false },
    { isTTY: true, env: { NO_COLOR: "" }, painted: true },
    { isTTY: false, env: {}, painted: false },
    { isTTY: undefined, env: {}, painted: false }
  ])("with isTTY $isTTY and $env paints: $painted", ({ env, isTTY, painted }) => {
    expect(paintFor({ isTTY }, env)("red", "x") !== "x").toBe(painted)
  })

  it("says each event on one line, with the seconds and the phase", () => {
    const lines: Array<string> = []
    const narrator = new Narrator(plain, (line) => lines.push(line))
    narrator.say("all is up")
    narrator.begin("dead", "payments is killed")
    narrator.say("tasks wait")
    expect(lines).toEqual([
      expect.stringMatching(/^ +\d+\.\d s {2}start {4}all is up$/),
      expect.stringMatching(/^ +\d+\.\d s {2}dead {5}payments is killed$/),
      expect.stringMatching(/^ +\d+\.\d s {2}dead {5}tasks wait$/)
    ])
  })
})
