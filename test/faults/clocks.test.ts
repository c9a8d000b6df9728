/** Workers whose clocks are an hour apart: the database's clock is the only one that decides. */
import { assert, describe, it } from "vitest"
import { charge } from "./support/charge.ts"
import { flawless } from "./support/ledger.ts"
import { Stage } from "./support/stage.ts"

const halfAnHour = 30 * 60_000
const tasks = 400

describe("workers whose clocks are an hour apart", () => {
  it("change nothing: no lease is lost, no retry and no delay is early or late", async () => {
    await using stage = await Stage.open()
    const workers = await Promise.all([stage.worker({ clockShift: halfAnHour }), stage.worker({ clockShift: -halfAnHour })])
    const [inAnHour] = await stage.enqueue([charge({}, { delay: 2 * halfAnHour })])
    const ids = await stage.enqueue(Array.from({ length: tasks }, (_, n) => charge({ n, failures: n % 2 }, { delay: n % 3 === 0 ? 1500 : 0 })))
    await stage.untilSucceeded(tasks)

    const clocks = (await stage.ask(`
      select result ->> 'by' as by, min((result ->> 'at')::float8 - extract(epoch from finished_at) * 1000)::float8 as ahead
      from outrigger.finished group by 1 order by 2`)).map(({ ahead, by }) => [by, Math.round(ahead / halfAnHour)])
    assert.deepStrictEqual(clocks, [[workers[1].name, -1], [workers[0].name, 1]], "both had work, by clocks an hour apart")
    assert.deepStrictEqual(await stage.ask("select name from outrigger.worker where reaped_at is not null"), [])
    assert.deepStrictEqual(await stage.ask("select id from outrigger.finished where started_at < run_at"), [], "none began before it was due")
    const [late] = await stage.ask("select max(extract(epoch from started_at - run_at))::float8 as most from outrigger.finished") as [{ most: number }]
    assert.isBelow(late.most, 60)
    const attempts = await stage.ask("select attempt, count(*)::int as n from outrigger.finished group by 1 order by 1")
    assert.deepStrictEqual(attempts, [{ attempt: 1, n: tasks / 2 }, { attempt: 2, n: tasks / 2 }])
    assert.deepStrictEqual(await stage.ask("select id::text, state from outrigger.task"), [{ id: inAnHour, state: "scheduled" }])
    assert.deepStrictEqual(await stage.verdict(ids), flawless)
  }, 120_000)
})
