import { assert, describe, it } from "vitest"
import { HandlersError, loadHandlers } from "../src/runner/load.ts"
import { handlers } from "./support/processes.ts"

const refusal = async (file: string): Promise<string> => {
  const error = await loadHandlers(handlers(file)).then(() => undefined, (error: unknown) => error)
  assert.instanceOf(error, HandlersError)
  return error.message
}

describe("what a handlers file exports around its handlers", () => {
  it("is of promises where its handlers are, and told what happens", async () => {
    const { around, layers } = await loadHandlers(handlers("around.ts"))
    assert.deepStrictEqual([layers.length, around.promise.length, around.effect.length, Object.keys(around.hooks ?? {})], [1, 1, 0, ["onSettled"]])
  })

  it("is the executor's own where its handlers are Layers", async () => {
    const { around, layers } = await loadHandlers(handlers("aroundLayers.ts"))
    assert.deepStrictEqual([layers.length, around.promise.length, around.effect.length, around.hooks], [2, 0, 1, undefined])
  })

  it("is nothing unless said", async () => {
    assert.deepStrictEqual((await loadHandlers(handlers("common.cjs"))).around, { promise: [], effect: [], hooks: undefined })
  })

  it("is refused beside handlers of both kinds, and where it is no function", async () => {
    assert.match(await refusal("aroundBoth.ts"), /^The handlers file \S+aroundBoth\.ts exports "middleware" beside both promise handlers and Layers: it can be of one kind only/)
    assert.match(await refusal("aroundNothing.cjs"), /exports "middleware": it must be a function, or an array of them$/)
  })
})
