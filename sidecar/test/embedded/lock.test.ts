import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lockFolder } from "../../src/embedded/lock.ts"
import { birthOf } from "../../src/embedded/processes.ts"
import { folder } from "./holder.ts"

const own = { pid: process.pid, birth: birthOf(process.pid) }
const lockFile = (path: string) => join(path, "agent.lock")
const module = resolve(import.meta.dirname, "../../src/embedded/lock.ts")

/** Takes the lock each time it is told to, and says how that went. */
const contender = `
  import { createInterface } from "node:readline"
  const { lockFolder } = await import(process.argv[1])
  console.log("here")
  for await (const _ of createInterface(process.stdin)) {
    try { lockFolder(process.argv[2]); console.log("mine") } catch (error) { console.log(error._tag) }
  }
`

const contending = (path: string) =>
  Effect.acquireRelease(Effect.promise(() => contend(path)), ({ leave }) => Effect.promise(leave))

const contend = async (path: string) => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", contender, module, path], { stdio: ["pipe", "pipe", "inherit"] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  await lines.next()
  return {
    attempt: async () => {
      child.stdin.write("go\n")
      return String((await lines.next()).value)
    },
    leave: async () => {
      child.stdin.end()
      await once(child, "close")
    }
  }
}

describe("the lock of a data folder", () => {
  it.live("names its owner, and is gone when it is given back", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const unlock = lockFolder(path)
      assert.deepStrictEqual(JSON.parse(readFileSync(lockFile(path), "utf8")), own)
      assert.deepStrictEqual(readdirSync(path), ["agent.lock"])
      unlock()
      assert.isFalse(existsSync(lockFile(path)))
    }))

  for (const [what, content] of [
    ["whose owner is dead", JSON.stringify({ pid: 2 ** 22 - 1, birth: own.birth })],
    ["whose number is another process's by now", JSON.stringify({ ...own, birth: "an earlier boot:1" })],
    ["which a crash of the machine left empty", ""]
  ] as const) {
    it.live(`is taken over when there is one ${what}`, () =>
      Effect.gen(function*() {
        const path = yield* folder
        writeFileSync(lockFile(path), content)
        const unlock = lockFolder(path)
        assert.deepStrictEqual(JSON.parse(readFileSync(lockFile(path), "utf8")), own)
        unlock()
      }))
  }

  it.live("is taken over also when somebody died while he took it over", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const dead = JSON.stringify({ pid: 2 ** 22 - 1, birth: own.birth })
      writeFileSync(lockFile(path), dead)
      writeFileSync(`${lockFile(path)}.takeover`, dead)
      const unlock = lockFolder(path)
      assert.deepStrictEqual(readdirSync(path), ["agent.lock"])
      unlock()
    }))

  it.live("stays with its owner when it is not ours to give back", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const unlock = lockFolder(path)
      const other = JSON.stringify({ pid: 1, birth: birthOf(1) })
      writeFileSync(lockFile(path), other)
      unlock()
      assert.strictEqual(readFileSync(lockFile(path), "utf8"), other)
    }))

  it.live("goes to one alone of many that find a dead owner's at once, time after time", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const contenders = yield* Effect.forEach([1, 2, 3, 4], () => contending(path), { concurrency: "unbounded" })
      for (let round = 0; round < 300; round++) {
        writeFileSync(lockFile(path), JSON.stringify({ pid: 2 ** 22 - 1, birth: own.birth }))
        const outcomes = yield* Effect.promise(() => Promise.all(contenders.map(({ attempt }) => attempt())))
        const expected = ["DataFolderInUse", "DataFolderInUse", "DataFolderInUse", "mine"]
        assert.deepStrictEqual(outcomes.toSorted(), expected, `round ${round}`)
      }
    }))
})
