/** One definition of the HTTP API; the plain types that hosts without Effect use say the same. */
import { assert, describe, expectTypeOf, it } from "vitest"
import * as Schema from "effect/Schema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as SidecarApi from "@outrigger/sdk/SidecarApi"
import { taskFromJson, taskToJson } from "@outrigger/sdk/SidecarApi"
import type { TaskStore } from "@outrigger/sdk"

/** As JSON holds it: what is unknown there is any JSON here. */
type Plain<T> = { [K in keyof T]: T[K] }

const record: TaskStore.TaskRecord = {
  id: "7", name: "charge", version: 2, queue: "money", state: "dead", priority: 3, payload: { n: 1 }, attempt: 4, fence: "9",
  failure: { name: "Error", message: "boom" }, progress: { ratio: 0.5, text: "half" }, metadata: { tenant: "t" },
  errors: [{ attempt: 4, at: 1_700_000_002_500, worker: "runner-1 (3)", name: "Error", message: "boom" }],
  uniqueKey: "order-1", concurrencyKey: "account-1", expiresAt: 1_700_000_009_000,
  createdAt: 1_700_000_000_000, runAt: 1_700_000_001_000, startedAt: 1_700_000_002_000, finishedAt: 1_700_000_003_000
}

describe("the sidecar's API", () => {
  it("and the plain types of the wire are one", () => {
    type Task = typeof SidecarApi.Task.Encoded
    expectTypeOf<keyof Task>().toEqualTypeOf<keyof SidecarApi.TaskJson>()
    expectTypeOf<Plain<Omit<Task, "payload" | "result" | "error">>>().toEqualTypeOf<Plain<Omit<SidecarApi.TaskJson, "payload" | "result" | "error">>>()
    expectTypeOf<Plain<Omit<typeof SidecarApi.Schedule.Encoded, "payload">>>().toEqualTypeOf<Plain<Omit<SidecarApi.ScheduleJson, "payload">>>()
    expectTypeOf<keyof typeof SidecarApi.Enqueue.Encoded>().toEqualTypeOf<keyof SidecarApi.EnqueueJson>()
    expectTypeOf<keyof NonNullable<(typeof SidecarApi.Enqueue.Encoded)["options"]>>().toEqualTypeOf<keyof NonNullable<SidecarApi.EnqueueJson["options"]>>()
    expectTypeOf<keyof (typeof SidecarApi.EnqueueMany.Encoded)["tasks"][number]>().toEqualTypeOf<keyof SidecarApi.EnqueueManyJson["tasks"][number]>()
  })

  it("carries a task there and back unchanged", () => {
    const decoded = Schema.decodeUnknownSync(SidecarApi.Task)(JSON.parse(JSON.stringify(taskToJson(record))))
    assert.deepStrictEqual(taskFromJson(decoded as SidecarApi.TaskJson), record)
  })

  it("describes itself as OpenAPI", () => {
    const { paths } = OpenApi.fromApi(SidecarApi.SidecarApi)
    assert.sameMembers(Object.keys(paths), [
      "/v1/tasks/{name}", "/v1/tasks", "/v1/tasks/{id}", "/v1/tasks/{id}/cancel", "/v1/tasks/{id}/retry", "/v1/dead/retry", "/v1/queues", "/v1/queues/{name}",
      "/v1/queues/{name}/pause", "/v1/queues/{name}/resume", "/v1/schedules", "/v1/schedules/{name}", "/v1/schedules/{name}/pause", "/v1/schedules/{name}/resume",
      "/v1/reports", "/v1/wake"
    ])
  })
})
