import { assert, describe, it } from "@effect/vitest"
import type { TaskStore } from "@outrigger/sdk"
import { Line } from "../../src/internal/line.ts"

const task = (id: number): TaskStore.ClaimedTask => ({
  id: String(id), name: "any", version: 1, queue: "default", payload: null, attempt: 1, fence: "1", handbacks: 0, waited: 0
})
const tasks = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => task(from + index))
const ids = (line: Line) => line.all().map(({ task }) => task.id)

describe("Line", () => {
  it("is first come, first served, however many came and went", () => {
    const line = new Line()
    const seen: Array<string> = []
    for (let round = 0; round < 10; round++) {
      line.join("w", tasks(round * 1000, (round + 1) * 1000), round)
      for (let taken = 0; taken < 700; taken++) seen.push(line.next()!.task.id)
    }
    assert.strictEqual(line.size, 3000)
    while (line.size > 0) seen.push(line.next()!.task.id)
    assert.deepStrictEqual(seen, tasks(0, 10_000).map(({ id }) => id))
    assert.isUndefined(line.next())
  })

  it("lets those go that are told to, and keeps the order of the others", () => {
    const line = new Line()
    line.join("w", tasks(1, 4), 10)
    line.join("w", tasks(4, 6), 20)
    line.next()
    const gone = line.leave(({ since }) => since === 10)
    assert.deepStrictEqual([gone.map(({ task }) => task.id), ids(line), line.size], [["2", "3"], ["4", "5"], 2])
  })
})
