import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Asker, type Batch, type BatchShell, Collector, MissingAnswerError } from "../../src/core/batch.ts"
import { VirtualPort } from "../support/virtual.ts"

/** Advances a virtual port at once: nothing here waits for a microtask. */
const pass = (port: VirtualPort, millis: number): void => {
  const end = port.time + millis
  for (;;) {
    const [next] = port.waiting.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)
    if (next === undefined) break
    port.time = Math.max(port.time, next.due)
    port.waiting = port.waiting.filter((one) => one !== next)
    next.fire()
  }
  port.time = end
}

/** Its timers are cancelled while they wait, or not at all. */
class StrictPort extends VirtualPort {
  override readonly at = (delay: number, fire: () => void) => {
    let over = false
    const entry = { due: this.time + delay, fire: () => { over = true; fire() } }
    this.waiting = [...this.waiting, entry]
    return {
      cancel: () => {
        assert.isFalse(over, "cancelled when it was over")
        over = true
        this.waiting = this.waiting.filter((one) => one !== entry)
      },
      hold() {}
    }
  }
}

class Caller extends Asker {
  heard: Array<unknown> = []
  override open(batch: Batch): void {
    batch.surroundings = this
  }
  override answered(ok: boolean, value: unknown, raw: unknown): void {
    this.heard.push([ok, value instanceof Error ? (value as { readonly _tag?: string })._tag ?? value.message : value, raw])
  }
}

const make = (settings: { readonly maxSize: number; readonly delay: number }) => {
  const port = new StrictPort()
  const ran: Array<Batch> = []
  const stopped: Array<Batch> = []
  const shell: BatchShell = { run: (batch) => ran.push(batch), stop: (batch) => stopped.push(batch) }
  const collector = new Collector("x", "users", settings, shell)
  const ask = (key: unknown, deadline = Infinity) => {
    const caller = new Caller()
    collector.ask(caller, key, key, deadline, port)
    return caller
  }
  return { ask, collector, port, ran, stopped, ids: () => ran.map(({ ids }) => ids) }
}

describe("a batch", () => {
  it("begins when the delay of its first key is over, and not a moment earlier", () => {
    const { ask, ids, port } = make({ maxSize: 9, delay: 10 })
    ask(1)
    pass(port, 6)
    ask(2)
    pass(port, 3)
    assert.deepStrictEqual(ids(), [])
    pass(port, 1)
    assert.deepStrictEqual([ids(), port.waiting.length], [[[1, 2]], 0])
  })

  it("begins at once when it is full, and leaves no timer behind", () => {
    const { ask, ids, port } = make({ maxSize: 2, delay: 10 })
    ask(1)
    ask(1)
    assert.deepStrictEqual(ids(), [])
    ask(2)
    assert.deepStrictEqual([ids(), port.waiting.length], [[[1, 2]], 0])
  })

  it("of one key waits for nobody", () => {
    const { ask, ids, port } = make({ maxSize: 1, delay: 10 })
    ask(1)
    ask(1)
    assert.deepStrictEqual([ids(), port.waiting.length], [[[1], [1]], 0])
  })

  it("does not ask for a key that nobody waits for any more, nor at all when nobody is left", () => {
    const { ask, collector, ids, port, stopped } = make({ maxSize: 2, delay: 10 })
    const [first, second] = [ask(1), ask(1)]
    assert.isFalse(collector.leave(first))
    ask(1)
    collector.leave(second)
    const other = ask(3)
    assert.deepStrictEqual(ids(), [[1, 3]])
    const last = ask(4)
    assert.isFalse(collector.leave(last))
    assert.deepStrictEqual([port.waiting.length, stopped.length, other.heard], [0, 0, []])
    pass(port, 100)
    assert.strictEqual(ids().length, 1)
  })

  it("under way is stopped when the last has left, and only then", () => {
    const { ask, collector, ran, stopped } = make({ maxSize: 2, delay: 10 })
    const [first, second] = [ask(1), ask(2)]
    assert.isFalse(collector.leave(first))
    assert.isFalse(collector.leave(first))
    assert.deepStrictEqual(stopped, [])
    assert.isTrue(collector.leave(second))
    assert.deepStrictEqual(stopped, ran)
    assert.strictEqual(ran[0]!.phase, "over")
    ran[0]!.phase = "running"
    ran[0]!.failed(new Error("aborted"), undefined)
    assert.strictEqual(ran[0]!.phase, "over")
    assert.deepStrictEqual([first.heard, second.heard], [[], []])
  })

  it("is left alone by those who have their answer", () => {
    const { ask, collector, ids, ran, stopped } = make({ maxSize: 2, delay: 10 })
    const callers = [ask(1), ask(2)]
    ran[0]!.succeeded(["a", "b"])
    ask(3)
    assert.deepStrictEqual(callers.map((caller) => collector.leave(caller)), [false, false])
    ask(4)
    assert.deepStrictEqual([ids(), stopped], [[[1, 2], [3, 4]], []])
  })

  it("takes nobody in once it runs, and begins in the order of opening", () => {
    const { ask, ids, port } = make({ maxSize: 2, delay: 10 })
    for (const key of [1, 2, 1, 3]) ask(key)
    ask(4)
    pass(port, 10)
    assert.deepStrictEqual(ids(), [[1, 2], [1, 3], [4]])
  })

  it("tells its work the latest deadline of those who still wait", () => {
    const { ask, collector, port, ran } = make({ maxSize: 9, delay: 10 })
    const far = ask(1, 90)
    ask(1, 50)
    ask(2, 70)
    collector.leave(far)
    pass(port, 10)
    ask(1, 50)
    ask(2)
    pass(port, 10)
    assert.deepStrictEqual(ran.map(({ deadline }) => deadline), [70, Infinity])
  })

  it("ends an asker at its own deadline and nobody else; one that comes too late is not asked for", () => {
    const { ask, port, ran, stopped } = make({ maxSize: 9, delay: 10 })
    const soon = ask(1, 10)
    const later = ask(2, 30)
    pass(port, 9)
    assert.deepStrictEqual(soon.heard, [])
    pass(port, 1)
    assert.deepStrictEqual(soon.heard, [[false, "CallTimeoutError", undefined]])
    pass(port, 20)
    assert.deepStrictEqual([later.heard, stopped], [[[false, "CallTimeoutError", undefined]], ran])
    const late = ask(3, port.time)
    assert.deepStrictEqual([late.heard, port.waiting.length], [[[false, "CallTimeoutError", undefined]], 0])
  })

  it.each([
    ["an array in the order of the keys", ["a", "b"], [[true, "a"], [true, "b"]]],
    ["an Error in it, which is its own key's alone", [new Error("no"), "b"], [[false, "no"], [true, "b"]]],
    ["undefined in it, which is an answer", [undefined, "b"], [[true, undefined], [true, "b"]]],
    ["an array too short", ["a"], [[false, "MissingAnswerError"], [false, "MissingAnswerError"]]],
    ["an array too long", ["a", "b", "c"], [[false, "MissingAnswerError"], [false, "MissingAnswerError"]]],
    ["a Map in any order", new Map([[2, "b"], [1, "a"]]), [[true, "a"], [true, "b"]]],
    ["a Map without a key", new Map([[2, "b"], [3, "c"]]), [[false, "MissingAnswerError"], [true, "b"]]],
    ["a Map with undefined, which is an answer", new Map([[1, undefined], [2, "b"]]), [[true, undefined], [true, "b"]]],
    ["nothing of the kind", { 0: "a", 1: "b", length: 2 }, [[false, "MissingAnswerError"], [false, "MissingAnswerError"]]]
  ])("answers each key by %s", (_, answers, heard) => {
    const { ask, ran } = make({ maxSize: 2, delay: 0 })
    const callers = [ask(1), ask(2)]
    ran[0]!.succeeded(answers)
    assert.deepStrictEqual(callers.map((caller) => caller.heard), heard.map(([ok, value]) => [[ok, value, undefined]]))
  })

  it("says which key has no answer, of what, and why", () => {
    const { ask, ran } = make({ maxSize: 1, delay: 0 })
    const messages: Array<string> = []
    for (const answers of [new Map(), [], undefined]) {
      const caller = ask(7)
      caller.answered = (_, value) => messages.push((value as Error).message)
      ran.at(-1)!.succeeded(answers)
    }
    assert.deepStrictEqual(messages, [
      "x.users: no answer for the key 7: the batch gave a Map without it",
      "x.users: no answer for the key 7: the batch gave 0 answers for 1 keys",
      "x.users: no answer for the key 7: the batch gave neither an array nor a Map"
    ])
  })

  it("answers all the same where a key has no text", () => {
    const { ask, ran } = make({ maxSize: 2, delay: 0 })
    const key: unknown = Object.create(null)
    const callers = [ask(key), ask(2)]
    ran[0]!.succeeded(new Map([[2, "b"]]))
    assert.deepStrictEqual(callers.map(({ heard }) => heard), [[[false, "MissingAnswerError", undefined]], [[true, "b", undefined]]])
    const error = new MissingAnswerError("x", "users", key, "gone")
    assert.deepStrictEqual([error.message, error.key === key], ["x.users: no answer for the key [object Object]: gone", true])
  })
})

describe("an answer that is missing", () => {
  it("is an error of its own, which keeps its name when its code is made small", () => {
    const error = new MissingAnswerError("x", "users", 7, "gone")
    assert.deepStrictEqual([`${error}`, error._tag, error.dependency, error.operation, error.key], ["MissingAnswerError: x.users: no answer for the key 7: gone", "MissingAnswerError", "x", "users", 7])
    assert.deepStrictEqual(Object.getOwnPropertyDescriptor(MissingAnswerError.prototype, "name"), { value: "MissingAnswerError", configurable: true, writable: true, enumerable: false })
  })
})

/** The model: one list of questions. A batch is a number; who asked for what, and what each heard, is all there is. */
interface Question { key: number; batch: number; state: "waits" | "left" | "answered" | "late"; deadline: number }

class Model {
  now = 0
  questions: Array<Question> = []
  open: { batch: number; due: number } | undefined
  begun: Array<ReadonlyArray<number>> = []
  stopped: Array<number> = []
  batches = 0
  readonly maxSize: number
  readonly delay: number
  constructor(maxSize: number, delay: number) {
    this.maxSize = maxSize
    this.delay = delay
  }
  waiting = (batch: number) => this.questions.filter((one) => one.batch === batch && one.state === "waits")
  /** In the order in which each key was first asked for by one of an unbroken line of waiting askers. */
  order: Map<number, Array<number>> = new Map()
  runs: Map<number, number> = new Map()

  ask(key: number, deadline: number): void {
    const question: Question = { key, batch: -1, state: "waits", deadline }
    this.questions.push(question)
    if (deadline <= this.now) return void (question.state = "late")
    if (this.open === undefined) {
      this.open = { batch: this.batches++, due: this.now + this.delay }
      this.order.set(this.open.batch, [])
    }
    question.batch = this.open.batch
    const keys = this.order.get(this.open.batch)!
    if (!keys.includes(key)) keys.push(key)
    if (keys.length >= this.maxSize) this.begin()
  }
  begin(): void {
    const { batch } = this.open!
    this.open = undefined
    this.runs.set(batch, this.begun.length)
    this.begun.push(this.order.get(batch)!)
  }
  end(question: Question, state: "left" | "late"): void {
    if (question.state !== "waits") return
    question.state = state
    const { batch, key } = question
    if (this.open?.batch === batch) {
      if (!this.waiting(batch).some((one) => one.key === key)) this.order.set(batch, this.order.get(batch)!.filter((one) => one !== key))
      if (this.waiting(batch).length === 0) this.open = undefined
    } else if (this.waiting(batch).length === 0) this.stopped.push(this.runs.get(batch)!)
  }
  finish(run: number): void {
    for (const [batch, at] of this.runs) {
      if (at === run) for (const question of this.waiting(batch)) question.state = "answered"
    }
  }
  tick(): void {
    this.now++
    for (const question of this.questions) if (question.deadline <= this.now) this.end(question, "late")
    if (this.open !== undefined && this.open.due <= this.now) this.begin()
  }
}

const commands = fc.array(fc.oneof(
  fc.record({ do: fc.constant("ask" as const), key: fc.integer({ min: 0, max: 4 }), within: fc.option(fc.integer({ min: 0, max: 12 })) }),
  fc.record({ do: fc.constant("leave" as const), which: fc.nat(30) }),
  fc.record({ do: fc.constant("finish" as const), which: fc.nat(10) }),
  fc.record({ do: fc.constant("pass" as const), millis: fc.integer({ min: 1, max: 8 }) })
), { maxLength: 40 })

describe("the collector", () => {
  it("does what the model does, whatever happens in whatever order", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 }), commands, (maxSize, delay, sequence) => {
      const { ask, collector, port, ran, stopped } = make({ maxSize, delay })
      const model = new Model(maxSize, delay)
      const callers: Array<Caller> = []
      const finished = new Set<number>()
      for (const command of sequence) {
        if (command.do === "ask") {
          // Halves: no deadline falls on the moment of a flush, where either order would be right.
          const deadline = command.within === null ? Infinity : command.within === 0 ? model.now : model.now + command.within - 0.5
          model.ask(command.key, deadline)
          callers.push(ask(command.key, deadline))
        } else if (command.do === "leave" && callers.length > 0) {
          const which = command.which % callers.length
          collector.leave(callers[which]!)
          model.end(model.questions[which]!, "left")
        } else if (command.do === "finish" && ran.length > 0 && !finished.has(command.which % ran.length)) {
          const which = command.which % ran.length
          finished.add(which)
          ran[which]!.succeeded(ran[which]!.ids.map((id) => `answer ${String(id)}`))
          assert.strictEqual(ran[which]!.phase, "over")
          model.finish(which)
        } else if (command.do === "pass") {
          for (let millis = 0; millis < command.millis; millis++) {
            pass(port, 1)
            model.tick()
          }
        }
        assert.deepStrictEqual<unknown>(ran.map(({ ids }) => ids), model.begun)
        assert.deepStrictEqual(stopped.map((batch) => ran.indexOf(batch)), model.stopped)
        assert.deepStrictEqual(callers.map(({ heard }) => heard), model.questions.map(({ key, state }) =>
          state === "answered" ? [[true, `answer ${key}`, undefined]] : state === "late" ? [[false, "CallTimeoutError", undefined]] : []))
        const timers = model.questions.filter(({ deadline, state }) => state === "waits" && deadline < Infinity).length
        assert.strictEqual(port.waiting.length, timers + (model.open === undefined ? 0 : 1))
      }
    }), { numRuns: 3000 })
  })
})
