/** A worker that is frozen past its lease and woken: a zombie. Whatever it still has in hand comes too late. */
import { assert, describe, it } from "vitest"
import { charge } from "./support/charge.ts"
import { flawless } from "./support/ledger.ts"
import { Stage } from "./support/stage.ts"
import { until } from "./support/until.ts"

for (const [freezes, effects] of [
  ["before its acknowledgement", [["1", true], ["2", true]]],
  ["before its side effect", [["2", true], ["1", false]]]
] as const satisfies ReadonlyArray<readonly [string, ReadonlyArray<readonly [string, boolean]>]>) {
  describe(`a worker frozen ${freezes}, and woken when another has its task`, () => {
    it("is not revived by its late heartbeat, and its late acknowledgement is refused", async () => {
      await using stage = await Stage.open()
      const zombie = await stage.worker({ name: "zombie", lease: 1000 })
      const [id] = await stage.enqueue([charge({ freezes })])
      await zombie.stopped()
      await stage.worker({ name: "heir" })
      await stage.untilSucceeded(1)

      zombie.signal("SIGCONT")
      const [first, second] = await until("the zombie has registered anew", async () => {
        const all = await stage.ask("select id, reaped_at from outrigger.worker where name = 'zombie' order by id")
        return all.length === 2 ? all : undefined
      })
      assert.isNotNull(first.reaped_at, "the worker that it was stays reaped")
      assert.isNull(second.reaped_at)
      await until("its late side effect was decided", async () =>
        (await stage.ask("select from public.charge_log")).length === 2 ? true : undefined)
      const log = await stage.ask("select fence::text, accepted from public.charge_log order by place")
      assert.deepStrictEqual(log.map(({ accepted, fence }): readonly [string, boolean] => [fence, accepted]), [...effects])

      const [{ result }] = await stage.ask("select result from outrigger.finished where id = $1", [id]) as [{ result: { by: string } }]
      assert.strictEqual(result.by, "heir")
      const { refused, succeeded } = await zombie.end()
      if (freezes === "before its acknowledgement") assert.deepStrictEqual([succeeded, refused], [1, 1], "it was sent, and refused")
      assert.deepStrictEqual(await stage.verdict([id!]), flawless)
    }, 120_000)
  })
}
