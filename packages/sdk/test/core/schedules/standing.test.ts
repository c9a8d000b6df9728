import { assert, describe, it } from "vitest"
import { type Declaration, readRule, type Rule } from "../../../src/core/schedules/schedule.ts"
import { changed, declared, paused, recordOf, removed, resumed, slotMetadata, type Standing } from "../../../src/core/schedules/standing.ts"
import { scheduleToJson } from "../../../src/core/schedules/wire.ts"
import type { NewTask } from "../../../src/core/tasks/task.ts"

const hour = 3_600_000
const now = Date.parse("2026-11-25T12:30:00Z")
const hourly = readRule("n", "t", { cron: "0 * * * *" })
const often: Rule = readRule("n", "t", { every: "10 minutes", catchUp: "all" })
const task: NewTask = { name: "charge", version: 2, queue: "money", payload: { a: 1, b: [{ c: 2, d: 3 }], none: null }, priority: 3, delay: 0 }
const said: Declaration = { name: "nightly", rule: hourly, task }
const standing = (changes: Partial<Standing> = {}): Standing => ({
  name: "nightly", revision: 7, rule: hourly, task, declared: { rule: hourly, task }, declaredAt: now - 1000,
  next: now + hour / 2, lastSlot: undefined, lastTask: undefined, paused: false, removed: false, ...changes
})

describe("a declaration", () => {
  it("of what is not there makes it, to begin with the next slot", () => {
    assert.deepStrictEqual(declared(undefined, said, now), {
      _tag: "Write", standing: { ...standing(), revision: 1, declaredAt: now, next: now + hour / 2 }
    })
  })

  it("that says the same is the same, in whatever order its words come", () => {
    const other: NewTask = { delay: 0, priority: 3, payload: { none: null, b: [{ d: 3, c: 2 }], a: 1 }, queue: "money", version: 2, name: "charge", uniqueKey: undefined }
    assert.deepStrictEqual(declared(standing(), { ...said, task: other }, now), { _tag: "Same" })
    assert.deepStrictEqual(declared(standing({ rule: often, paused: true, removed: true }), said, now), { _tag: "Same" })
  })

  it.each<[string, Declaration]>([
    ["rule", { ...said, rule: often }], ["payload", { ...said, task: { ...task, payload: { a: 1, b: [{ c: 2, d: 4 }] } } }], ["order of a list", { ...said, task: { ...task, payload: [2, 1] } }]
  ])("of another %s is the newer word, and what an operator paused or removed stays so", (_, declaration) => {
    const verdict = declared(standing({ paused: true, removed: true, lastSlot: 5, lastTask: "9", rule: often }), declaration, now)
    assert.strictEqual(verdict._tag, "Write")
    if (verdict._tag !== "Write" || declaration.remove === true) return
    const { rule, task } = declaration
    assert.deepInclude(verdict.standing, { rule, task, declared: { rule, task }, declaredAt: now, paused: true, removed: true, lastSlot: 5, lastTask: "9", revision: 7 })
  })

  it("of another task is refused while workers declare it for its own, and then taken", () => {
    const other: Declaration = { ...said, task: { ...task, name: "other" } }
    const verdict = (silent: number) => declared(standing({ declaredAt: now - silent }), other, now)
    assert.deepStrictEqual(verdict(299_999), { _tag: "Refused", owner: "charge" })
    assert.strictEqual(verdict(300_000)._tag, "Write")
  })

  it("of no more takes its own task's away, and no other", () => {
    const remove = (name: string): Declaration => ({ name: "nightly", remove: true, task: { name } })
    assert.deepStrictEqual(declared(standing(), remove("charge"), now), { _tag: "Delete" })
    assert.deepStrictEqual(declared(standing(), remove("other"), now), { _tag: "Nothing" })
    assert.deepStrictEqual(declared(undefined, remove("charge"), now), { _tag: "Nothing" })
  })
})

describe("the next slot under another rule", () => {
  const next = (before: Partial<Standing>) => changed(standing(before), { every: "10 minutes" }, now).next

  it("is the next of that rule", () => assert.strictEqual(next({}), now + 600_000))
  it("is what is due, which no change takes back", () => {
    assert.strictEqual(next({ next: now }), now)
    assert.strictEqual(next({ next: now - hour }), now - hour)
  })
  it("is no slot that passed while it could not fire", () => {
    assert.strictEqual(next({ next: now - hour, paused: true }), now + 600_000)
    assert.strictEqual(next({ next: now - hour, removed: true }), now + 600_000)
  })
  it("is after the last that fired, though the clock was set back", () => assert.strictEqual(next({ lastSlot: now + hour }), now + hour + 600_000))
  it("is found where there was none", () => assert.strictEqual(next({ next: undefined }), now + 600_000))
})

describe("an operator", () => {
  it("pauses and removes, and nothing else changes", () => {
    assert.deepStrictEqual(paused(standing()), standing({ paused: true }))
    assert.deepStrictEqual(removed(standing()), standing({ removed: true }))
    assert.deepStrictEqual(changed(standing(), { catchUp: "all" }, now), standing({ rule: { ...hourly, catchUp: "all" } }))
  })

  it("resumes from the next slot on, and leaves alone what was neither paused nor removed", () => {
    const late = { next: now - hour, lastSlot: now - 2 * hour }
    for (const held of [{ paused: true }, { removed: true }, { paused: true, removed: true }]) {
      assert.deepStrictEqual(resumed(standing({ ...late, ...held }), now), standing({ ...late, next: now + hour / 2 }))
    }
    const going = standing(late)
    assert.strictEqual(resumed(going, now), going)
  })
})

describe("a schedule as everybody sees it", () => {
  it("is an orphan after a day, and changed when its rule is not the declared one", () => {
    const shown = (changes: Partial<Standing>) => recordOf(standing(changes), now)
    assert.deepStrictEqual(shown({ lastSlot: 5, lastTask: "9" }), {
      name: "nightly", task: "charge", version: 2, queue: "money", payload: task.payload, rule: hourly, paused: false, orphaned: false, changed: false,
      nextSlot: now + hour / 2, lastSlot: 5, lastTask: "9", declaredAt: now - 1000
    })
    assert.deepStrictEqual([86_399_999, 86_400_000].map((age) => shown({ declaredAt: now - age }).orphaned), [false, true])
    assert.deepInclude(shown({ rule: often, paused: true }), { changed: true, paused: true })
  })

  it("is JSON with ISO times", () => {
    assert.deepStrictEqual(scheduleToJson(recordOf(standing({ lastSlot: now - hour, lastTask: "9" }), now)), {
      name: "nightly", task: "charge", version: 2, queue: "money", payload: task.payload, cron: "0 * * * *", timeZone: "UTC", catchUp: "one", paused: false,
      orphaned: false, changed: false, nextSlot: "2026-11-25T13:00:00.000Z", lastSlot: "2026-11-25T11:30:00.000Z", lastTask: "9", declaredAt: "2026-11-25T12:29:59.000Z"
    })
    const none = scheduleToJson(recordOf(standing({ rule: often, next: undefined }), now))
    assert.deepInclude(none, { every: 600_000, catchUp: "all" })
    assert.notProperty(none, "cron")
    for (const absent of ["nextSlot", "lastSlot", "lastTask"]) assert.notProperty(none, absent)
  })

  it("gives its tasks the slot they stand for", () => {
    assert.deepStrictEqual(slotMetadata("nightly", now), { schedule: "nightly", slot: "2026-11-25T12:30:00.000Z" })
  })
})
