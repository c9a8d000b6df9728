import { assert, describe, it } from "vitest"
import { Emitter } from "../../../src/core/events/events.ts"

const hedge = (attempt: number) => ({ operation: undefined, attempt })

describe("an emitter", () => {
  it("tells whoever listens, of what they listen to, in their order, until they have enough", () => {
    const emitter = new Emitter()
    const heard: Array<string> = []
    assert.isFalse(emitter.heard("hedge"))
    const end = emitter.on("hedge", ({ attempt }) => heard.push(`first ${attempt}`))
    emitter.on("hedge", ({ attempt }) => heard.push(`second ${attempt}`))
    assert.deepStrictEqual([emitter.heard("hedge"), emitter.heard("timeout")], [true, false])
    emitter.emit("hedge", hedge(2))
    emitter.emit("timeout", hedge(3))
    end()
    end() // once is enough: nobody else is put out by it
    emitter.emit("hedge", hedge(4))
    assert.deepStrictEqual(heard, ["first 2", "second 2", "second 4"])
  })

  it("has each of its events from the beginning", () => {
    const emitter = new Emitter()
    for (const type of ["breaker", "retry", "hedge", "fallback", "timeout", "reject"] as const) {
      assert.isFalse(emitter.heard(type))
      emitter.on(type, () => {})
      assert.isTrue(emitter.heard(type))
    }
  })

  it("refuses an event that nobody ever tells, and names those that there are", () => {
    assert.throws(() => new Emitter().on("retries" as "retry", () => {}), TypeError, 'no event is called "retries": there are breaker, retry, hedge, fallback, timeout, warning, reject, sharing')
  })

  it("tells all who listened when it began, whoever leaves or joins meanwhile", () => {
    const emitter = new Emitter()
    const heard: Array<string> = []
    const end = emitter.on("hedge", () => {
      heard.push("leaves")
      end()
      emitter.on("hedge", () => heard.push("joined"))
    })
    emitter.on("hedge", () => heard.push("stays"))
    emitter.emit("hedge", hedge(2))
    assert.deepStrictEqual(heard, ["leaves", "stays"])
    emitter.emit("hedge", hedge(3))
    assert.deepStrictEqual(heard, ["leaves", "stays", "stays", "joined"])
  })

  it("lets the error of a listener surface by itself, and goes on", async ({ onTestFinished }) => {
    const emitter = new Emitter()
    const surfaced: Array<unknown> = []
    const before = process.listeners("uncaughtException")
    process.removeAllListeners("uncaughtException")
    process.on("uncaughtException", (error) => surfaced.push(error))
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException")
      for (const listener of before) process.on("uncaughtException", listener)
    })
    const broken = new Error("broken")
    const heard: Array<number> = []
    emitter.on("hedge", () => { throw broken })
    emitter.on("hedge", ({ attempt }) => heard.push(attempt))
    emitter.emit("hedge", hedge(2))
    assert.deepStrictEqual([heard, surfaced], [[2], []])
    await new Promise(setImmediate)
    assert.deepStrictEqual(surfaced, [broken])
  })
})
