import { describe, expect, it } from "vitest"
import fc from "fast-check"
import { type Answer, Lanes, type Question } from "../../../src/internal/claim/lanes.ts"
import { Line } from "./line.ts"

const routes = [1, 2]

/** A look whose answer is what a test says: heads by "route/priority". */
const answer = (lanes: Lanes, now: number, heads: Readonly<Record<string, number>>, rest: Partial<Answer> = {}): Question => {
  const question = lanes.question(now)
  lanes.answer(question, {
    heads: question.lanes.map(({ priority, route }) => heads[`${route}/${priority}`] ?? 0), place: 1000, oldest: 1, xid: null, ...rest
  }, now)
  return question
}

const withRoutes = (): Lanes => {
  const lanes = new Lanes()
  for (const route of routes) lanes.add(route)
  return lanes
}

const shape = (lanes: Lanes, open: ReadonlyArray<number> = routes, limit = 500) =>
  lanes.picks(open, limit).map(({ after, lane, limit, upTo }) => ({ lane: `${lane.route}/${lane.priority}`, after, limit, upTo }))

const rows = (route: number, priority: number, from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ route, priority, seq: from + index }))

describe("picks", () => {
  it("are none as long as nothing is known to wait", () => {
    expect(withRoutes().picks(routes, 500)).toEqual([])
  })

  it("begin with the best priority, and go on to others while little is expected of it", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/7": 10, "2/3": 20 })
    const picks = lanes.picks(routes, 500)
    expect(picks.map(({ lane, limit }) => [lane.priority, limit])).toEqual([[3, 500], [7, 500]])
    lanes.learn(picks, rows(2, 3, 20, 500), true, 0)
    expect(shape(lanes)).toEqual([{ lane: "2/3", after: 519, limit: 500, upTo: undefined }])
  })

  it("ask for no more than four times what may be taken", () => {
    const lanes = withRoutes()
    answer(lanes, 0, Object.fromEntries(Array.from({ length: 10 }, (_, priority) => [`1/${priority}`, 1 + priority])))
    expect(shape(lanes, routes, 10).map(({ limit }) => limit)).toEqual([10, 10, 10, 10])
  })

  it("keep what a full claim did not come to, and leave what it read to its end", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/0": 1, "1/1": 2, "1/2": 3 })
    const picks = lanes.picks(routes, 10)
    lanes.learn(picks, [...rows(1, 0, 1, 4), ...rows(1, 1, 5, 6)], true, 0)
    expect(shape(lanes, routes, 10).map(({ after, lane }) => [lane, after])).toEqual([["1/1", 10], ["1/2", 0]])
  })

  it("leave out the routes that are closed now", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/7": 10, "2/3": 20 })
    expect(shape(lanes, [1]).map(({ lane }) => lane)).toEqual(["1/7"])
  })

  it("take the routes of one priority in turn", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/5": 10, "2/5": 20 })
    const first = [1, 2, 3, 4].map(() => shape(lanes)[0]!.lane)
    expect(first).toEqual(["2/5", "1/5", "2/5", "1/5"])
  })

  it("begin every tenth time with the oldest head, whatever its priority", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/0": 900, "1/9": 10 })
    const first = Array.from({ length: 20 }, () => shape(lanes)[0]!.lane)
    expect(first.map((lane, index) => lane === "1/9" ? index + 1 : 0).filter(Boolean)).toEqual([10, 20])
  })

  it("are none when nothing may be taken", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/0": 1 })
    expect(shape(lanes, routes, 0)).toEqual([])
  })

  it("narrow a lane that came short to twice what it gave, and widen it while it is full", () => {
    const lanes = withRoutes()
    const ask = (count: number, from: number) => {
      answer(lanes, from, { "1/0": from })
      const picks = lanes.picks(routes, 500)
      lanes.learn(picks, rows(1, 0, from, Math.min(count, picks[0]!.limit)), false, 0)
      return picks[0]!.limit
    }
    expect([ask(100, 1), ask(3, 200), ask(500, 300), ask(500, 400), ask(500, 600), ask(500, 800), ask(500, 1300)]).toEqual(
      [500, 200, 32, 64, 128, 256, 500]
    )
  })

  it("begin above what was taken, also when the answers come in another order", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/0": 1 })
    const [first, second] = [lanes.picks(routes, 10), lanes.picks(routes, 10)]
    lanes.learn(second, rows(1, 0, 11, 10), false, 0)
    lanes.learn(first, rows(1, 0, 1, 10), false, 0)
    expect(shape(lanes)[0]).toMatchObject({ after: 20 })
  })
})

describe("a lane that came short", () => {
  it("is left until a look finds something, and a look is due at once when looks are cheap", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/0": 1 })
    lanes.learn(lanes.picks(routes, 500), rows(1, 0, 1, 3), false, 1)
    expect(shape(lanes)).toEqual([])
    expect(lanes.due(1)).toBe(true)
    answer(lanes, 1, { "1/0": 8 })
    expect(shape(lanes)).toEqual([{ lane: "1/0", after: 3, limit: 32, upTo: undefined }])
  })
})

describe("a sweep", () => {
  it("comes first, and then leaves nine tenths of the time to others", () => {
    const lanes = withRoutes()
    const question = lanes.question(0)
    expect(question.sweep).toBe(true)
    lanes.answer(question, { heads: question.lanes.map(() => 0), place: 0, oldest: 1, xid: null }, 300)
    expect([lanes.question(3299).sweep, lanes.question(3300).sweep]).toEqual([false, true])
  })

  it("comes at once when a look sees the sample close", () => {
    const lanes = withRoutes()
    answer(lanes, 0, {}, { place: 50, xid: 7 })
    answer(lanes, 10, {}, { oldest: 6 })
    expect(lanes.question(11).sweep).toBe(false)
    answer(lanes, 11, {}, { oldest: 7 })
    expect(lanes.question(12).sweep).toBe(true)
  })

  it("moves the safe marks to a sample only once it is closed, and never to a task that waits", () => {
    const lanes = withRoutes()
    answer(lanes, 0, {}, { place: 50, xid: 7 })
    answer(lanes, 1000, { "1/0": 20 }, { place: 60, oldest: 6 })
    expect(new Set(lanes.question(2000).marks)).toEqual(new Set([0]))
    answer(lanes, 2000, { "1/0": 20, "1/1": 55 }, { place: 60, oldest: 7, xid: 9 })
    expect(lanes.question(3000).marks.slice(0, 3)).toEqual([19, 50, 50])
  })

  it("finds what was committed late, which is then claimed from a range of its own, first", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/0": 100 })
    lanes.learn(lanes.picks(routes, 50), rows(1, 0, 100, 50), false, 0)
    answer(lanes, 1000, { "1/0": 40 })
    const picks = lanes.picks(routes, 500)
    expect(picks.map(({ after, limit, upTo }) => ({ after, limit, upTo }))).toEqual([
      { after: 39, limit: 32, upTo: 149 }, { after: 149, limit: 500, upTo: undefined }
    ])
    lanes.learn(picks, [...rows(1, 0, 40, 32), ...rows(1, 0, 150, 468)], true, 1000)
    expect(shape(lanes).slice(0, 2)).toEqual([
      { lane: "1/0", after: 71, limit: 64, upTo: 149 }, { lane: "1/0", after: 617, limit: 500, upTo: undefined }
    ])
  })

  it("that was slow has what it found claimed alone and by the batch, so that nobody wades along, and not often", () => {
    const lanes = withRoutes()
    answer(lanes, 0, { "1/0": 100, "2/0": 90 })
    lanes.learn(lanes.picks([1], 50), rows(1, 0, 100, 50), false, 0)
    const question = lanes.question(1000)
    lanes.answer(question, { heads: question.lanes.map(({ priority, route }) => priority > 0 ? 0 : route === 1 ? 40 : 90), place: 200, oldest: 1, xid: null }, 1200)
    expect(shape(lanes)).toEqual([{ lane: "1/0", after: 39, limit: 500, upTo: 149 }])
  })
})

describe("after an error", () => {
  it("the next sweep begins at the beginning, and what was asked before teaches nothing", () => {
    const lanes = withRoutes()
    answer(lanes, 0, {}, { place: 50, xid: 7 })
    answer(lanes, 1000, {}, { place: 60, oldest: 9, xid: 9 })
    const before = lanes.question(2000)
    lanes.doubt()
    lanes.answer(before, { heads: before.lanes.map(() => 0), place: 70, oldest: 90, xid: 91 }, 2000)
    const question = lanes.question(2000)
    expect([question.sweep, question.sample.place, new Set(question.marks)]).toEqual([true, 0, new Set([0])])
  })

  it("a line that is shorter than it was is doubted too", () => {
    const lanes = withRoutes()
    answer(lanes, 0, {}, { place: 50, xid: 7 })
    answer(lanes, 1000, {}, { place: 60, oldest: 9, xid: 9 })
    answer(lanes, 2000, {}, { place: 59, oldest: 9 })
    expect(new Set(lanes.question(2000).marks)).toEqual(new Set([0]))
  })
})

describe("whatever happens in whatever order", () => {
  const index = fc.nat({ max: 5 })
  const step = fc.oneof(
    fc.constant((line: Line) => line.open()),
    fc.tuple(index, fc.constantFrom(...routes), fc.constantFrom(0, 5)).map(([at, route, priority]) => (line: Line) => line.insert(at, route, priority)),
    fc.tuple(index, fc.boolean()).map(([at, commit]) => (line: Line) => line.close(at, commit)),
    fc.tuple(fc.subarray(routes, { minLength: 1 }), fc.integer({ min: 1, max: 4 })).map(([open, limit]) => (line: Line, lanes: Lanes) => line.claim(lanes, open, limit)),
    fc.tuple(index, fc.constantFrom("answered", "answered", "lost", "rolled back"))
      .map(([at, how]) => (line: Line, lanes: Lanes) => line.end(lanes, at, how as "answered")),
    fc.constant((line: Line, lanes: Lanes) => line.beginLook(lanes)),
    fc.constant((line: Line, lanes: Lanes) => line.endLook(lanes)),
    fc.integer({ min: 1, max: 60 }).map((ms) => (line: Line) => { line.now += ms })
  )

  const keepsMarks = (line: Line, lanes: Lanes) => {
    for (const lane of lanes.question(Infinity).lanes) {
      for (const { priority, route, seq } of line.left) {
        if (route === lane.route && priority === lane.priority) expect(seq, "lies behind a safe mark").toBeGreaterThan(lane.safe)
      }
    }
  }

  it("no task is lost behind a mark", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
      const line = new Line()
      const lanes = withRoutes()
      for (const run of steps) {
        run(line, lanes)
        keepsMarks(line, lanes)
      }
      // Everybody commits, and one who claims and looks gets all that is left.
      while (line.inserters.length > 0) line.close(0, true)
      while (line.claims.length > 0) line.end(lanes, 0, "answered")
      line.endLook(lanes)
      for (let round = 0; line.left.length > 0; round++) {
        expect(round, "rounds until nothing is left").toBeLessThan(3 * line.rows.length + 5)
        line.now += 1000
        line.beginLook(lanes)
        line.endLook(lanes)
        line.claim(lanes, routes, 3)
        line.end(lanes, 0, "answered")
      }
    }), { numRuns: 400 })
  })
})
