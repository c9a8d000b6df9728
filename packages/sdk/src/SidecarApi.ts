/**
 * The sidecar's HTTP API, once: the agent implements it, clients are derived from it, OpenAPI is made from it.
 *
 * Errors are `application/problem+json` (RFC 9457). The health endpoints are `application/health+json`
 * (draft-inadarei-api-health-check-06) and are served beside this definition, because a probe must not depend on it.
 */
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiError from "effect/http-api/HttpApiError"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as OpenApi from "effect/http-api/OpenApi"

export { type ScheduleJson, scheduleToJson } from "./core/schedules/wire.ts"
export { taskFromJson, taskToJson } from "./core/tasks/wire.ts"
export type { EnqueuedJson, EnqueueJson, EnqueueManyJson, ProblemJson, TaskJson } from "./core/tasks/wire.ts"

const type = (slug: string) => `urn:outrigger:problem:${slug}` as const
const Issue = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
  message: Schema.String
})

// ---- errors

/** No worker has announced a task of this name: start one that has it, or mend the name. */
export class UnknownTask extends HttpApiError.Problem<UnknownTask>()("UnknownTask", {
  type: type("unknown-task"), status: 404, title: "No worker knows a task of this name"
}) {}

/** There is no task with this id. */
export class TaskNotFound extends HttpApiError.Problem<TaskNotFound>()("TaskNotFound", {
  type: type("task-not-found"), status: 404, title: "There is no task with this id"
}) {}

/** There is no queue of this name. */
export class QueueNotFound extends HttpApiError.Problem<QueueNotFound>()("QueueNotFound", {
  type: type("queue-not-found"), status: 404, title: "There is no queue of this name"
}) {}

/** The payload, or an option, was refused; `errors` says where. Nothing was enqueued. */
export class PayloadRefused extends HttpApiError.Problem<PayloadRefused>()("PayloadRefused", {
  type: type("payload-refused"), status: 422, title: "The payload was refused"
}, { errors: Schema.Array(Issue) }) {}

/** The idempotency key belongs to a task with another payload. Nothing was enqueued. */
export class IdempotencyConflict extends HttpApiError.Problem<IdempotencyConflict>()("IdempotencyConflict", {
  type: type("idempotency-conflict"), status: 409, title: "The idempotency key was used with another payload"
}) {}

/** There is no schedule of this name. */
export class ScheduleNotFound extends HttpApiError.Problem<ScheduleNotFound>()("ScheduleNotFound", {
  type: type("schedule-not-found"), status: 404, title: "There is no schedule of this name"
}) {}

/** The change of the schedule was refused; `errors` says where. It is as it was. */
export class ScheduleRefused extends HttpApiError.Problem<ScheduleRefused>()("ScheduleRefused", {
  type: type("schedule-refused"), status: 422, title: "The change of the schedule was refused"
}, { errors: Schema.Array(Issue) }) {}

/** The sidecar cannot reach its database, or is starting or stopping. Repeat with the same idempotency key. */
export class Unavailable extends HttpApiError.Problem<Unavailable>()("Unavailable", {
  type: type("unavailable"), status: 503, title: "The sidecar cannot do this now"
}) {}

/** The token is missing or wrong. */
export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: type("unauthorized"), status: 401, title: "A valid token is needed"
}) {}

// ---- shapes

/** Why an attempt, or a whole task, did not succeed. */
export const TaskFailure = Schema.Struct({
  name: Schema.String,
  message: Schema.String,
  error: Schema.optionalKey(Schema.Json)
})

/** How one attempt failed, when, and on which worker. */
export const AttemptError = Schema.Struct({
  attempt: Schema.Int,
  at: Schema.String,
  worker: Schema.String,
  name: Schema.String,
  message: Schema.String
})

/** The states of a task; the last three are ends. */
export const TaskState = Schema.Literals(["scheduled", "ready", "running", "succeeded", "dead", "cancelled"])

/** A task. Times are ISO 8601, UTC. */
export const Task = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  version: Schema.Int,
  queue: Schema.String,
  state: TaskState,
  priority: Schema.Int,
  payload: Schema.Json,
  attempt: Schema.Int,
  fence: Schema.String,
  result: Schema.optionalKey(Schema.Json),
  error: Schema.optionalKey(TaskFailure),
  errors: Schema.optionalKey(Schema.Array(AttemptError)),
  progress: Schema.optionalKey(Schema.Struct({ ratio: Schema.Finite, text: Schema.String })),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  uniqueKey: Schema.optionalKey(Schema.String),
  concurrencyKey: Schema.optionalKey(Schema.String),
  createdAt: Schema.String,
  runAt: Schema.String,
  expiresAt: Schema.optionalKey(Schema.String),
  startedAt: Schema.optionalKey(Schema.String),
  finishedAt: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Task" })

/** Milliseconds, or a duration such as "5 minutes". */
const Duration = Schema.Union([Schema.Finite, Schema.String])

const EnqueueOptions = Schema.Struct({
  version: Schema.optionalKey(Schema.Int),
  delay: Schema.optionalKey(Duration),
  runAt: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.String])),
  expiresAfter: Schema.optionalKey(Duration),
  priority: Schema.optionalKey(Schema.Int),
  timeout: Schema.optionalKey(Duration),
  uniqueKey: Schema.optionalKey(Schema.String),
  uniqueFor: Schema.optionalKey(Duration),
  uniqueStates: Schema.optionalKey(Schema.Array(TaskState)),
  concurrencyKey: Schema.optionalKey(Schema.String),
  keyConcurrency: Schema.optionalKey(Schema.Int),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})

/** What to enqueue. Durations are milliseconds, or words such as "5 minutes"; `runAt` is ISO 8601, or epoch milliseconds. */
export const Enqueue = Schema.Struct({
  payload: Schema.Json,
  options: Schema.optionalKey(EnqueueOptions)
}).annotate({ identifier: "Enqueue" })

/** Several tasks, of any names: all of them are enqueued, or none. */
export const EnqueueMany = Schema.Struct({
  tasks: Schema.Array(Schema.Struct({
    ...Enqueue.fields,
    name: Schema.String,
    idempotencyKey: Schema.optionalKey(Schema.String)
  }))
}).annotate({ identifier: "EnqueueMany" })

/** Where the task is; `Location` says it too. */
export const Accepted = Schema.Struct({ id: Schema.String, duplicate: Schema.Literal(false) }).pipe(
  HttpApiSchema.status(202)
)

/** The key led to a task that was there before. */
export const Duplicate = Schema.Struct({ id: Schema.String, duplicate: Schema.Literal(true) })

/** What a queue lets through, over all workers: tasks at a time, and attempts that begin in each `per`, ms. */
export const QueueLimits = Schema.Struct({
  concurrency: Schema.optionalKey(Schema.Int),
  rateLimit: Schema.optionalKey(Schema.Struct({ limit: Schema.Int, per: Schema.Finite }))
})

/**
 * A queue; `oldest` is how long its oldest ready task has waited, ms. Counts are exact up to a thousand or so of each kind, and beyond
 * that `estimated`: nobody counts a million rows to show a number.
 */
export const Queue = Schema.Struct({
  queue: Schema.String,
  scheduled: Schema.Int,
  ready: Schema.Int,
  running: Schema.Int,
  estimated: Schema.Boolean,
  oldest: Schema.optionalKey(Schema.Finite),
  pausedAt: Schema.optionalKey(Schema.String),
  limits: QueueLimits
}).annotate({ identifier: "Queue" })

const CatchUp = Schema.Literals(["skip", "one", "all"])

/**
 * A schedule: what it enqueues, and when. It has `cron` and `timeZone`, or `every` in milliseconds. Times are ISO 8601, UTC:
 * `nextSlot` is the first that has not fired, `lastTask` what the last slot enqueued. `orphaned`: no worker has declared it for
 * a day, and it does not fire. `changed`: its rule is not the one that the workers declare.
 */
export const Schedule = Schema.Struct({
  name: Schema.String,
  task: Schema.String,
  version: Schema.Int,
  queue: Schema.String,
  payload: Schema.Json,
  cron: Schema.optionalKey(Schema.String),
  timeZone: Schema.optionalKey(Schema.String),
  every: Schema.optionalKey(Schema.Finite),
  catchUp: CatchUp,
  paused: Schema.Boolean,
  orphaned: Schema.Boolean,
  changed: Schema.Boolean,
  nextSlot: Schema.optionalKey(Schema.String),
  lastSlot: Schema.optionalKey(Schema.String),
  lastTask: Schema.optionalKey(Schema.String),
  declaredAt: Schema.String
}).annotate({ identifier: "Schedule" })

/** Another rule; what is left out stays. `every` is milliseconds, or a duration such as "5 minutes", and takes the place of `cron`. */
export const ScheduleChange = Schema.Struct({
  cron: Schema.optionalKey(Schema.String),
  every: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.String])),
  timeZone: Schema.optionalKey(Schema.String),
  catchUp: Schema.optionalKey(CatchUp)
}).annotate({ identifier: "ScheduleChange" })

/**
 * What the SDK in a host says of itself, at most every few seconds. `sequence` grows by one with each report of an instance;
 * `report` is its own health; `deltas` holds, for each dependency, by how much each counter grew since the report before;
 * `lease` is how long this report may be believed, ms; `final` is the last word of a host that stops.
 */
export const HostReport = Schema.Struct({
  service: Schema.String,
  instance: Schema.String,
  sequence: Schema.Int,
  lease: Schema.Finite,
  final: Schema.optionalKey(Schema.Boolean),
  report: Schema.JsonObject,
  deltas: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Finite))
}).annotate({ identifier: "HostReport" })

// ---- groups

/** Asks for the token, once one is set. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("@outrigger/sdk/SidecarApi/Authorization", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: Unauthorized
}) {}

const Id = { id: Schema.String }
const Name = { name: Schema.String }

/** Enqueue, look, change. */
export class TasksGroup extends HttpApiGroup.make("tasks").add(
  HttpApiEndpoint.post("enqueue", "/v1/tasks/:name", {
    params: { name: Schema.String },
    headers: { "idempotency-key": Schema.optionalKey(Schema.String) },
    payload: Enqueue,
    success: [Accepted, Duplicate],
    error: [UnknownTask, PayloadRefused, IdempotencyConflict, Unavailable]
  }),
  HttpApiEndpoint.post("enqueueMany", "/v1/tasks", {
    payload: EnqueueMany,
    success: Schema.Struct({ tasks: Schema.Array(Schema.Struct({ id: Schema.String, duplicate: Schema.Boolean })) }).pipe(
      HttpApiSchema.status(202)
    ),
    error: [UnknownTask, PayloadRefused, IdempotencyConflict, Unavailable]
  }),
  HttpApiEndpoint.post("wake", "/v1/wake", { success: HttpApiSchema.NoContent, error: Unavailable })
    .annotate(OpenApi.Description, "For after the commit of a transaction that enqueued by SQL: workers look at once, not within their poll."),
  HttpApiEndpoint.get("get", "/v1/tasks/:id", {
    params: Id,
    query: { wait: Schema.optionalKey(Schema.String) },
    success: Task,
    error: [TaskNotFound, Unavailable]
  }).annotate(OpenApi.Description, "The task. With `wait` (a duration, at most 60s) once it is over, or as it is by then."),
  HttpApiEndpoint.get("list", "/v1/tasks", {
    query: {
      state: Schema.optionalKey(TaskState),
      queue: Schema.optionalKey(Schema.String),
      name: Schema.optionalKey(Schema.String),
      cursor: Schema.optionalKey(Schema.String),
      limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 })))
    },
    success: Schema.Struct({ tasks: Schema.Array(Task), cursor: Schema.optionalKey(Schema.String) }),
    error: Unavailable
  }),
  HttpApiEndpoint.post("cancel", "/v1/tasks/:id/cancel", { params: Id, success: Task, error: [TaskNotFound, Unavailable] }),
  HttpApiEndpoint.post("retry", "/v1/tasks/:id/retry", { params: Id, success: Task, error: [TaskNotFound, Unavailable] })
) {}

/** Which of those that did not succeed to retry. Times are ISO 8601. */
export const Redrive = Schema.Struct({
  state: Schema.optionalKey(Schema.Literals(["dead", "cancelled"])),
  queue: Schema.optionalKey(Schema.String),
  name: Schema.optionalKey(Schema.String),
  error: Schema.optionalKey(Schema.String),
  finishedAfter: Schema.optionalKey(Schema.String),
  finishedBefore: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Redrive" })

/** What did not succeed, by the many. */
export class DeadGroup extends HttpApiGroup.make("dead").add(
  HttpApiEndpoint.post("retry", "/v1/dead/retry", {
    payload: Redrive,
    success: Schema.Struct({ retried: Schema.Int }),
    error: [PayloadRefused, Unavailable]
  }).annotate(OpenApi.Description, "Makes all that fit ready again, with all their attempts: dead ones unless `state` says otherwise. `error` is the name of what they died of.")
) {}

/** How deep the queues are, and what they let through. */
export class QueuesGroup extends HttpApiGroup.make("queues").add(
  HttpApiEndpoint.get("list", "/v1/queues", {
    success: Schema.Struct({ queues: Schema.Array(Queue) }),
    error: Unavailable
  }),
  HttpApiEndpoint.post("pause", "/v1/queues/:name/pause", { params: Name, success: Queue, error: [QueueNotFound, Unavailable] })
    .annotate(OpenApi.Description, "Nothing is claimed from the queue any more, by any worker, within a second; what runs goes on."),
  HttpApiEndpoint.post("resume", "/v1/queues/:name/resume", { params: Name, success: Queue, error: [QueueNotFound, Unavailable] }),
  HttpApiEndpoint.patch("limit", "/v1/queues/:name", {
    params: Name,
    payload: Schema.Struct({ limits: Schema.NullOr(QueueLimits) }),
    success: Queue,
    error: [QueueNotFound, PayloadRefused, Unavailable]
  }).annotate(OpenApi.Description, "Limits in place of those that workers declare; `null` takes them back.")
) {}

/** Tasks that come round by themselves. */
export class SchedulesGroup extends HttpApiGroup.make("schedules").add(
  HttpApiEndpoint.get("list", "/v1/schedules", {
    success: Schema.Struct({ schedules: Schema.Array(Schedule) }),
    error: Unavailable
  }),
  HttpApiEndpoint.get("get", "/v1/schedules/:name", { params: Name, success: Schedule, error: [ScheduleNotFound, Unavailable] }),
  HttpApiEndpoint.patch("change", "/v1/schedules/:name", {
    params: Name,
    payload: ScheduleChange,
    success: Schedule,
    error: [ScheduleNotFound, ScheduleRefused, Unavailable]
  }),
  HttpApiEndpoint.post("pause", "/v1/schedules/:name/pause", { params: Name, success: Schedule, error: [ScheduleNotFound, Unavailable] })
    .annotate(OpenApi.Description, "It does not fire; slots that pass meanwhile are gone."),
  HttpApiEndpoint.post("resume", "/v1/schedules/:name/resume", { params: Name, success: Schedule, error: [ScheduleNotFound, Unavailable] })
    .annotate(OpenApi.Description, "It fires from the next slot on, also one that was removed while workers declare it."),
  HttpApiEndpoint.delete("remove", "/v1/schedules/:name", { params: Name, success: HttpApiSchema.NoContent, error: [ScheduleNotFound, Unavailable] })
    .annotate(OpenApi.Description, "It is gone, though workers go on to declare it; `resume` brings it back.")
) {}

/** What hosts say of themselves. */
export class ReportsGroup extends HttpApiGroup.make("reports").add(
  HttpApiEndpoint.post("report", "/v1/reports", {
    payload: HostReport,
    success: Schema.Struct({ interval: Schema.Finite })
  })
) {}

/** All of it. */
export class SidecarApi extends HttpApi.make("outrigger")
  .add(TasksGroup, DeadGroup, QueuesGroup, SchedulesGroup, ReportsGroup)
  .middleware(Authorization)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotate(OpenApi.Title, "Outrigger sidecar")
  .annotate(OpenApi.Version, "0.1.0")
  .annotate(OpenApi.Description, "Durable tasks and health beside an app.")
{}
