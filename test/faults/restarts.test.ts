/** PostgreSQL killed under load. What it has reported is on its disk, or it has not reported it. */
import { assert, describe, it } from "vitest"
import * as Effect from "effect/Effect"
import { charge } from "./support/charge.ts"
import { flawless } from "./support/ledger.ts"
import { Server } from "./support/server.ts"
import { Stage } from "./support/stage.ts"

/** Enqueues, batch after batch, until it is told to end; what was refused is not among the ids. */
const pour = (stage: Stage) => {
  const ids: Array<string> = []
  const over = new AbortController()
  const poured = (async () => {
    for (let n = 0; !over.signal.aborted; n++) {
      const batch = await stage.store((store) => Effect.option(store.enqueue(Array.from({ length: 50 }, (_, m) => charge({ n: n * 50 + m })))))
      if (batch._tag === "Some") ids.push(...batch.value.map(({ id }) => id))
      await stage.untilSucceeded(Math.max(0, ids.length - 1000)).catch(() => {})
    }
  })()
  const end = async () => {
    over.abort()
    await poured
  }
  return { ids, end }
}

/** What was reported as over: who can read it knows that it is committed. */
const reported = async (stage: Stage) =>
  new Map((await stage.ask("select id::text, fence::text, state from outrigger.finished")).map(({ fence, id, state }) => [id, `${state} ${fence}`]))

describe("PostgreSQL killed under load", () => {
  it("forgets no task that it reported as enqueued, and none that it reported as done", async () => {
    await using server = await Server.start()
    await using stage = await Stage.in(server.url)
    await Promise.all([stage.worker(), stage.worker()])
    const load = pour(stage)
    for (const kill of ["killPostmaster", "killBackend", "killPostmaster"] as const) {
      await stage.untilSucceeded((await stage.succeeded()) + 300)
      const [enqueued, before] = [[...load.ids], await reported(stage)]
      await server[kill]()
      const after = await reported(stage)
      assert.deepStrictEqual([...before].filter(([id, was]) => after.get(id) !== was), [], `done, and not done after ${kill}`)
      const there = await stage.ask("select id::text from outrigger.task union all select id::text from outrigger.finished")
      const found = new Set(there.map(({ id }) => id))
      assert.deepStrictEqual(enqueued.filter((id) => !found.has(id)), [], `enqueued, and gone after ${kill}`)
    }
    await load.end()
    await stage.untilSucceeded(load.ids.length)
    assert.deepStrictEqual(await stage.verdict(load.ids), flawless)
  }, 180_000)
})
