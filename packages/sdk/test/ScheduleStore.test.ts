import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { TaskStore } from "@outrigger/sdk"
import { suite } from "../../../test/conformance/ScheduleStore.ts"

suite("the memory store", {
  layer: TaskStore.layerMemory,
  test: (title, body) => it.effect(title, () => Effect.andThen(TestClock.setTime(Date.parse("2026-11-25T12:10:00Z")), body())),
  elapse: (millis) => TestClock.adjust(millis)
})
