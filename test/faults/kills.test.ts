/** Workers that are killed without warning, again and again. */
import { assert, describe, it } from "vitest"
import { charge } from "./support/charge.ts"
import { flawless } from "./support/ledger.ts"
import { pick, seeded } from "./support/random.ts"
import { Stage } from "./support/stage.ts"

const seed = 4
const tasks = 20_000
const kills = 12

describe("workers killed by SIGKILL", () => {
  it(`lose none of ${tasks} tasks and complete none twice, whenever they are killed`, async () => {
    await using stage = await Stage.open()
    const random = seeded(seed)
    await Promise.all([stage.worker(), stage.worker(), stage.worker()])
    const ids: Array<string> = []
    const enqueuing = (async () => {
      for (let n = 0; n < tasks; n += 500) {
        ids.push(...await stage.enqueue(Array.from({ length: 500 }, (_, m) => charge({ n: n + m, failures: random() < 0.05 ? 1 : 0 }))))
      }
    })()
    for (let kill = 1; kill <= kills; kill++) {
      await stage.untilSucceeded(Math.floor(tasks * (kill - random()) / (kills + 1)))
      const alive = stage.workers.filter(({ hasEnded }) => !hasEnded)
      const victims = kill === kills ? alive : [pick(random, alive)]
      await Promise.all(victims.map((victim) => victim.kill()))
      await Promise.all(victims.map(() => stage.worker()))
    }
    await enqueuing
    await stage.untilSucceeded(tasks)
    assert.strictEqual(ids.length, tasks)
    assert.deepStrictEqual(await stage.verdict(ids), flawless, `seed ${seed}`)
  }, 180_000)
})
