import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { effectFace } from "./effectFace.ts"
import { holds } from "./invariants.ts"
import type { Line, Run } from "./observed.ts"
import { promiseFace } from "./promiseFace.ts"
import { scripts } from "./random.ts"
import { type Story, table } from "./table.ts"
import { call, fails, ok, script } from "./trace.ts"

const faces = { promise: promiseFace, Effect: effectFace } as const

describe.each(Object.entries(faces))("a policy of the %s face", (_, face) => {
  describe.each(Object.entries(table))("%s", (_, stories) => {
    it.each(stories.map((story): [string, Story] => [story.title, story]))("%s", async (_, { log, state, ...script }) => {
      const { observed } = await face(script)
      assert.deepStrictEqual(observed, { log, state })
    })
  })

  it("tells the breaker of an attempt first, then frees its permit, and then the caller hears", async () => {
    const { lines } = await face(script({ breaker: { failures: 2, openFor: 1000 }, bulkhead: { concurrency: 1, queue: 2 } },
      call(0, "a", fails(10)), call(0, "b", fails(10)), call(0, "c", ok())))
    const shown = lines.filter(({ kind }) => kind !== "asks").map((line: Line) => line.kind === "tells" ? line.type : `${line.call} ${line.kind}`)
    assert.deepStrictEqual(shown, ["a begins", "a ends", "b begins", "a hears", "b ends", "breaker", "reject", "c hears", "b hears"])
  })
})

/** What each attempt is told of its end. */
const deadlines = ({ lines }: Run) => lines.flatMap((line) => line.kind === "begins" ? [[line.call, line.attempt, line.deadline]] : [])

describe("both faces", () => {
  it("show the same, to the millisecond, whatever the policy and whatever comes, and hold what holds of each", async () => {
    await fc.assert(fc.asyncProperty(scripts, async (script) => {
      const [promise, effect] = [await promiseFace(script), await effectFace(script)]
      assert.deepStrictEqual(effect.observed, promise.observed)
      assert.deepStrictEqual(deadlines(effect), deadlines(promise))
      holds(script, promise)
      holds(script, effect)
    }), { numRuns: 1000 })
  }, 120_000) // where it fails, time to find the shortest trace that does
})

describe("what holds of every trace", () => {
  const made = script({ timeout: 100, bulkhead: { concurrency: 1 } }, call(0, "a", ok(10)), call(20, "b", fails(10)))
  const broken: Readonly<Record<string, (run: Run) => Run>> = {
    "each caller hears exactly once, or leaves": (run) => ({ ...run, lines: [...run.lines, run.lines.findLast(({ kind }) => kind === "hears")!] }),
    "the numbers of the calls add up": (run) => ({ ...run, observed: { ...run.observed, state: { ...run.observed.state, calls: 3 } } }),
    "the numbers of the attempts add up": (run) => ({ ...run, observed: { ...run.observed, state: { ...run.observed.state, attempts: 3 } } }),
    "what is told is what is counted": (run) => ({ ...run, observed: { ...run.observed, state: { ...run.observed.state, retries: 1 } } }),
    "at the end nothing runs, nobody waits, no permit is taken and no timer is left": (run) => ({ ...run, timers: 1 }),
    "attempts are numbered in a row, end once, and are told to stop at most once": (run) => ({ ...run, lines: run.lines.filter(({ kind }) => kind !== "ends") }),
    "nobody hears later than its deadline, and nothing begins after it": (run) => ({ ...run, lines: run.lines.map((line) => line.kind === "hears" ? { ...line, at: 201 } : line) }),
    "an attempt is told when its time will be over, and is not told to stop for its time before": (run) =>
      ({ ...run, observed: { ...run.observed, state: { ...run.observed.state, timeouts: 1 } }, lines: [...run.lines, { at: 15, kind: "tells", type: "timeout", event: { operation: "a", attempt: 1 } }] }),
    "never more are at work than there are permits": (run) => ({ ...run, lines: [...run.lines.filter(({ kind }) => kind === "begins"), ...run.lines.filter(({ kind }) => kind !== "begins")] })
  }
  it.each(Object.entries(broken))("notices when it does not: %s", async (name, breaks) => {
    const run = await promiseFace(made)
    holds(made, run)
    assert.throws(() => holds(made, breaks(run)), name)
  })
})
