import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LimiterStore } from "@outrigger/sdk"
import { suite } from "../../../test/conformance/LimiterStore.ts"
import { passingHere } from "../../../test/passing.ts"

suite("the memory store", Layer.merge(LimiterStore.layerMemory, passingHere))

it.effect("a store is given to a policy as a port of promises", () => Effect.gen(function*() {
  const port = yield* LimiterStore.port
  const request = { name: "payments", limit: 10, window: 1000, burst: 10, process: "a", turn: 1, holds: 0, back: 0, least: 0, want: 3, lease: 1000 }
  assert.strictEqual((yield* Effect.promise(() => port.take(request))).granted, 3)
}).pipe(Effect.provide(LimiterStore.layerMemory)))
