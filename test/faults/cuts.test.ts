/** Connections that are cut in the middle of a statement, and connections that fall silent. */
import { assert, describe, it } from "vitest"
import * as Effect from "effect/Effect"
import { createDatabase } from "../database.ts"
import { charge } from "./support/charge.ts"
import { flawless } from "./support/ledger.ts"
import { Proxy } from "./support/proxy.ts"
import { seeded } from "./support/random.ts"
import { Stage } from "./support/stage.ts"
import { until } from "./support/until.ts"

const seed = 7
const tasks = 2_000

/** As a host does it: the same key until it is answered. */
const enqueueSurely = (stage: Stage, n: number): Promise<string> => until(`task ${n} is enqueued`, async () => {
  const answer = await stage.store((store) => Effect.result(store.enqueue([charge({ n }, { idempotencyKey: `task ${n}` })])))
  if (answer._tag === "Success") return answer.success[0]!.id
  assert.deepInclude(answer.failure, { _tag: "StoreUnavailable", retryable: true })
  return undefined
})

/** A stage, and the way to it that fails. */
const open = async (host: "through the proxy" | "directly") => {
  const { drop, url } = await createDatabase()
  const proxy = await Proxy.before(url)
  const stage = await Stage.in(url, { drop, storeUrl: host === "directly" ? url : proxy.url })
  return { proxy, stage }
}

describe("connections cut in the middle of a statement", () => {
  it("lose no task, and complete none twice: whether the question was lost, or the answer", async () => {
    const opened = await open("through the proxy")
    await using proxy = opened.proxy
    await using stage = opened.stage
    const random = seeded(seed)
    await Promise.all([stage.worker({ databaseUrl: proxy.url }), stage.worker({ databaseUrl: proxy.url })])
    proxy.fault = () => {
      const chance = random()
      return chance < 0.01 ? "question" : chance < 0.02 ? "answer" : "none"
    }
    const ids: Array<string> = []
    for (let n = 0; n < tasks; n += 20) ids.push(...await Promise.all(Array.from({ length: 20 }, (_, m) => enqueueSurely(stage, n + m))))
    await stage.untilSucceeded(tasks)
    assert.strictEqual(new Set(ids).size, tasks)
    assert.isAbove(proxy.cuts, 20)
    assert.deepStrictEqual(await stage.verdict(ids), flawless, `seed ${seed}`)
    const [{ n }] = await stage.ask("select (select count(*) from outrigger.task)::int + (select count(*) from outrigger.finished)::int as n") as [{ n: number }]
    assert.strictEqual(n, tasks, "what was enqueued again with its key is one task")
  }, 120_000)
})

describe("connections that fall silent", () => {
  it("are given up: the worker goes on over new ones, and nothing is lost", async () => {
    const opened = await open("directly")
    await using proxy = opened.proxy
    await using stage = opened.stage
    await stage.worker({ databaseUrl: proxy.url })
    const ids = await stage.enqueue(Array.from({ length: 300 }, (_, n) => charge({ n })))
    await stage.untilSucceeded(1)
    assert.isAbove(proxy.silence(), 0)
    await stage.untilSucceeded(ids.length)
    assert.deepStrictEqual(await stage.verdict(ids), flawless)
  }, 120_000)
})
