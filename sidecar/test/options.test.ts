import { resolve } from "node:path"
import { assert, describe, it } from "vitest"
import { exampleOf } from "../src/cli/start.ts"
import { readStartOptions, UsageError } from "../src/cli/options.ts"

const read = (flags: object = {}, env: NodeJS.ProcessEnv = {}, file: object = {}) => readStartOptions(flags, env, file)
const refusal = (...given: Parameters<typeof read>): string => {
  try {
    read(...given)
  } catch (error) {
    assert.instanceOf(error, UsageError)
    return (error as Error).message
  }
  throw new Error("it was not refused")
}

describe("the options of start", () => {
  it("have their defaults", () => {
    assert.deepInclude(read(), {
      tasks: undefined, databaseUrl: undefined, schema: undefined, data: resolve(".outrigger"), host: "127.0.0.1", port: 7700, token: undefined, runners: 1,
      runnerMemory: undefined, concurrency: undefined, taskTimeout: undefined, keepSucceeded: undefined, keepDead: undefined,
      startupTimeout: 60_000, drainTimeout: 25_000, killAfter: 10_000, verbose: false
    })
  })

  it("come from a flag before its variable, and from a variable before the file", () => {
    assert.strictEqual(read({ port: "1" }, { OUTRIGGER_PORT: "2" }, { port: 3 }).port, 1)
    assert.strictEqual(read({}, { OUTRIGGER_PORT: "2" }, { port: 3 }).port, 2)
    assert.strictEqual(read({}, { OUTRIGGER_PORT: "" }, { port: 3 }).port, 3)
  })

  it("understand times with their units", () => {
    const times: ReadonlyArray<readonly [string, number]> = [["500ms", 500], ["2s", 2000], ["1.5 s", 1500], ["2m", 120_000], ["1 second", 1000], ["2 minutes", 120_000]]
    for (const [text, millis] of times) assert.strictEqual(read({ killAfter: text }).killAfter, millis)
  })

  it("know of days where a time may be so long", () => {
    const kept = read({ keepSucceeded: "36h", "keepDead": "90 days" }, { OUTRIGGER_TASK_TIMEOUT: "2 hours", OUTRIGGER_CONCURRENCY: "8" })
    assert.deepInclude(kept, { keepSucceeded: 129_600_000, keepDead: 7_776_000_000, taskTimeout: 7_200_000, concurrency: 8 })
    assert.deepInclude(read({}, { OUTRIGGER_KEEP_SUCCEEDED: "1d" }, { keepDead: "1 minute" }), { keepSucceeded: 86_400_000, keepDead: 60_000 })
  })

  const refused: ReadonlyArray<readonly [flags: object, env: NodeJS.ProcessEnv, file: object, message: string]> = [
    [{ port: "http" }, {}, {}, '--port is "http", but must be a whole number from 0 to 65535'],
    [{}, { OUTRIGGER_PORT: "70000" }, {}, 'OUTRIGGER_PORT is "70000", but must be a whole number from 0 to 65535'],
    [{}, {}, { port: 1.5 }, '"port" in the config file is 1.5, but must be a whole number from 0 to 65535'],
    [{ drainTimeout: "25" }, {}, {}, '--drain-timeout is "25", but must be a time with its unit, such as 500ms, 25s or 2m, up to 60m'],
    [{ drainTimeout: "2h" }, {}, {}, '--drain-timeout is "2h", but must be a time with its unit, such as 500ms, 25s or 2m, up to 60m'],
    [{ keepSucceeded: "30s" }, {}, {}, '--keep-succeeded is "30s", but must be a time with its unit, such as 12h or 90d, from 1m to 3650d'],
    [{}, { OUTRIGGER_KEEP_DEAD: "4000d" }, {}, 'OUTRIGGER_KEEP_DEAD is "4000d", but must be a time with its unit, such as 12h or 90d, from 1m to 3650d'],
    [{}, {}, { taskTimeout: 900 }, '"taskTimeout" in the config file is 900, but must be a time with its unit, such as 90s, 15m or 2h, up to 20d'],
    [{ taskTimeout: "21 days" }, {}, {}, '--task-timeout is "21 days", but must be a time with its unit, such as 90s, 15m or 2h, up to 20d'],
    [{ concurrency: "0" }, {}, {}, '--concurrency is "0", but must be a whole number from 1 to 10000'],
    [{ runners: "0" }, {}, {}, '--runners is "0", but must be a whole number from 1 to 64'],
    [{ token: "" }, {}, {}, '--token is "", but must be left out, or a secret that is not empty'],
    [{}, { OUTRIGGER_TOKEN: "" }, {}, 'OUTRIGGER_TOKEN is "", but must be left out, or a secret that is not empty'],
    [{}, { OUTRIGGER_TOKEN: "a b" }, {}, "OUTRIGGER_TOKEN must be printable ASCII without spaces: it travels in a header"],
    [{}, { DATABASE_URL: "mysql://u:secret@db/x" }, {}, "DATABASE_URL must be a URL such as postgres://user:password@host:5432/database"],
    [{ host: "0.0.0.0" }, {}, {}, "--host 0.0.0.0 can be reached from elsewhere, so a token is needed: set OUTRIGGER_TOKEN (or --token), or listen on 127.0.0.1"],
    [{ host: "127.evil.example" }, {}, {}, "--host 127.evil.example can be reached from elsewhere, so a token is needed: set OUTRIGGER_TOKEN (or --token), or listen on 127.0.0.1"],
    [{}, { OUTRIGGER_VERBOSE: "perhaps" }, {}, 'OUTRIGGER_VERBOSE is "perhaps", but must be true or false']
  ]
  it.each(refused)("refuse %j %j %j", (flags, env, file, message) => {
    assert.strictEqual(refusal(flags, env, file), message)
  })

  it("refuse a name in the file that is none", () => {
    assert.match(refusal({}, {}, { prot: 1 }), /^The config file has "prot", which is no option; there are tasks, databaseUrl/)
  })

  it("let it listen anywhere with a token", () => {
    assert.strictEqual(read({ host: "0.0.0.0", token: "t" }).host, "0.0.0.0")
    assert.strictEqual(read({ host: "::1" }).host, "::1")
  })
})

describe("the example of a payload", () => {
  it("is made from its schema", () => {
    const schema = {
      type: "object", required: ["name", "count", "tags", "kind"],
      properties: { name: { type: "string" }, count: { type: "integer", minimum: 5 }, tags: { type: "array", items: { type: "boolean" } }, kind: { enum: ["a", "b"] }, more: { type: "string" } }
    }
    assert.deepStrictEqual(exampleOf(schema), { name: "text", count: 5, tags: [true], kind: "a" })
    assert.deepStrictEqual(exampleOf(undefined), {})
    assert.deepStrictEqual(exampleOf({ examples: ["x"] }), "x")
  })
})
