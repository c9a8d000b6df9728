/** What an app carries of the promise face: only what it names. */
import { build } from "esbuild"
import { assert, describe, it } from "vitest"

/** The files that a bundle of this entry has code of. */
const bundled = async (contents: string): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true, format: "esm", platform: "node", conditions: ["outrigger-source"], write: false, metafile: true, logLevel: "error"
  })
  const [output] = Object.values(metafile.outputs)
  return Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file.replace(/^.*\/src\//, "")).toSorted()
}

const door = "@outrigger/sdk/promise"

/** Of breakers and limits that processes share. */
const sharing = [
  "core/breaker/breakerExchanger.ts", "core/breaker/breakerStore.ts", "core/breaker/shared.ts", "core/breaker/sharedBreaker.ts", "core/limits/limiterStore.ts",
  "core/limits/sharedBucket.ts", "core/limits/sharedLimit.ts", "core/limits/sharedMeter.ts", "core/options/sharing.ts", "promise/sharedState.ts"
]

describe("the bundle of an app", () => {
  it("that shares nothing among processes has no code of sharing", async () => {
    const files = await bundled(`import { createOutrigger } from "${door}"; createOutrigger({ service: "shop" }).api("search")`)
    assert.include(files, "core/breaker/breakers.ts")
    assert.isEmpty(files.filter((file) => sharing.includes(file)))
  })

  it("that shares through its database has all of it but the stores in memory", async () => {
    const files = await bundled(`import { createOutrigger, sharedState } from "${door}"; console.log(createOutrigger, sharedState)`)
    assert.deepStrictEqual(sharing.filter((file) => !files.includes(file)), ["core/breaker/shared.ts", "core/limits/sharedBucket.ts"])
  })

  it("that makes no chaos, no tasks and no simulation has no code of them", async () => {
    const files = await bundled(`import { createOutrigger } from "${door}"; createOutrigger({ service: "shop" })`)
    assert.isEmpty(files.filter((file) => /core\/simulate|promise\/(Chaos|Task|Simulation|fileCacheStore)\.ts|chaos\.ts/.test(file)))
  })
})
