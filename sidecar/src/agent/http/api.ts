/** `SidecarApi` over a task store: what the guard has admitted arrives here. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as HttpEffect from "effect/http/HttpEffect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Task, TaskStore } from "@outrigger/sdk"
import * as Wire from "@outrigger/sdk/SidecarApi"
import type { Hosts } from "../health/hosts.ts"
import { problemOfStatus, problemType } from "./problems.ts"
import type { Definitions } from "./Definitions.ts"
import { schedules } from "./schedules.ts"

export interface ApiParts {
  readonly store: TaskStore.Service
  readonly definitions: Definitions
  readonly hosts: Hosts
}

/** How often hosts should report, ms. */
const reportInterval = 5000
const longestWait = 60_000
const pageSize = 50

type EnqueueBody = (typeof Wire.Enqueue)["Type"]
type WireTask = (typeof Wire.Task)["Type"]

// The stores hold JSON and nothing else; only the types do not know.
const toWire = (task: TaskStore.TaskRecord): WireTask => Wire.taskToJson(task) as WireTask

const unavailable = ({ message }: { readonly message: string }) => new Wire.Unavailable({ detail: message })

/** Errors of the store as what the API says. Paths begin at the payload; options have a place of their own. */
const refusalOf = (error: Task.EnqueueError) => {
  switch (error._tag) {
    case "InvalidPayload": return new Wire.PayloadRefused({ detail: error.message, errors: error.issues })
    case "InvalidOption": {
      const path = error.option === "idempotencyKey" ? ["idempotency-key"] : ["options", ...error.option.split(".")]
      return new Wire.PayloadRefused({ detail: error.message, errors: [{ path, message: error.message }] })
    }
    case "UnknownTask": return new Wire.UnknownTask({ detail: error.message })
    case "IdempotencyConflict": return new Wire.IdempotencyConflict({ detail: error.message })
    case "StoreUnavailable": return unavailable(error)
    case "SidecarUnavailable": return unavailable(error)
  }
}

const lookupOf = (error: Task.NotFound | Task.StoreUnavailable) =>
  error._tag === "TaskNotFound" ? new Wire.TaskNotFound({ detail: error.message }) : unavailable(error)

/** Only ids that a store can have given are asked for. */
const readId = (id: string): Effect.Effect<string, Wire.TaskNotFound> =>
  /^\d{1,18}$/.test(id) ? Effect.succeed(id) : Effect.fail(new Wire.TaskNotFound({ detail: `There is no task with id ${id}` }))

/** Milliseconds; undefined for what is no duration. */
const readDuration = (input: number | string): number | undefined => {
  if (typeof input === "number") return input
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m)$/.exec(input) ?? []
  if (count !== undefined) return Number(count) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"]
  return Option.getOrUndefined(Option.map(Duration.fromInput(input as Duration.Input), Duration.toMillis))
}

/** Thrown as a response: no endpoint has to declare what any may answer. */
const refuseWith = (status: number, detail: string): Effect.Effect<never> =>
  Effect.die(HttpServerResponse.jsonUnsafe(problemOfStatus(status, detail), { status, contentType: problemType }))

/** Options in milliseconds; fails with the one that is no duration, or no moment. */
const readOptions = (name: string, { expiresAfter, runAt, timeout, delay, uniqueFor, ...rest }: NonNullable<EnqueueBody["options"]>) => {
  const faults: Array<Task.InvalidOption> = []
  const millis = (option: string, input: number | string | undefined) => {
    const value = input === undefined ? undefined : readDuration(input)
    if (value === undefined && input !== undefined) faults.push(new Task.InvalidOption(name, option, input, 'milliseconds or a duration such as "5 minutes"'))
    return value
  }
  const moment = typeof runAt === "string" ? Date.parse(runAt) : runAt
  if (Number.isNaN(moment)) faults.push(new Task.InvalidOption(name, "runAt", runAt, 'ISO 8601, such as "2030-01-31T08:00:00Z", or epoch milliseconds'))
  const options = {
    ...rest, runAt: moment,
    delay: millis("delay", delay),
    expiresAfter: millis("expiresAfter", expiresAfter),
    timeout: millis("timeout", timeout),
    uniqueFor: millis("uniqueFor", uniqueFor)
  }
  return faults.length === 0 ? Effect.succeed(options) : Effect.fail(faults[0]!)
}

const newTaskOf = (
  definitions: Definitions, name: string, { options = {}, payload }: EnqueueBody, idempotencyKey: string | undefined
): Effect.Effect<TaskStore.NewTask, Task.EnqueueError> =>
  Effect.gen(function*() {
    const definition = yield* definitions.find(name, options.version)
    const { concurrencyKey, keyConcurrency, uniqueFor, uniqueKey, uniqueStates, ...rest } = yield* readOptions(name, options)
    const keys = { concurrencyKey, keyConcurrency, uniqueFor, uniqueKey, uniqueStates }
    // A delay of 0 beside a moment is what clients send that say everything.
    const settings = { ...rest, idempotencyKey, delay: rest.delay === 0 && rest.runAt !== undefined ? undefined : rest.delay }
    const task = TaskStore.newTaskOf(definition, payload, keys, settings)
    if (task instanceof Error) return yield* Effect.fail(task)
    const issues = yield* definitions.issues(definition, payload)
    return issues.length === 0 ? task : yield* Effect.fail(new Task.InvalidPayload(name, issues))
  })

const located = (id: string): Effect.Effect<void, never, HttpServerRequest> =>
  HttpEffect.appendPreResponseHandler((_, response) => Effect.succeed(HttpServerResponse.setHeader(response, "location", `/v1/tasks/${id}`)))

const tasks = ({ definitions, store }: ApiParts) =>
  HttpApiBuilder.group(Wire.SidecarApi, "tasks", (handlers) => handlers.handleAll({
    enqueue: ({ headers, params, payload }) => Effect.gen(function*() {
      const task = yield* newTaskOf(definitions, params.name, payload, headers["idempotency-key"])
      const [enqueued] = yield* store.enqueue([task])
      yield* located(enqueued!.id)
      return { id: enqueued!.id, duplicate: enqueued!.duplicate as false }
    }).pipe(Effect.mapError(refusalOf)),

    enqueueMany: ({ payload }) => Effect.gen(function*() {
      const all = yield* Effect.forEach(payload.tasks, (task, index) => Effect.mapError(
        newTaskOf(definitions, task.name, task, task.idempotencyKey),
        (error) => error._tag === "InvalidPayload"
          ? new Task.InvalidPayload(error.task, error.issues.map((issue) => ({ ...issue, path: ["tasks", index, "payload", ...issue.path] })))
          : error
      ))
      return { tasks: all.length === 0 ? [] : yield* store.enqueue(all) }
    }).pipe(Effect.mapError(refusalOf)),

    wake: () => Effect.mapError(store.wake, unavailable),

    get: ({ params, query }) => Effect.gen(function*() {
      const id = yield* readId(params.id)
      if (query.wait === undefined) {
        const found = yield* Effect.mapError(store.find(id), lookupOf)
        return Option.isSome(found) ? toWire(found.value) : yield* Effect.fail(lookupOf(new Task.NotFound(id)))
      }
      const wait = readDuration(query.wait)
      if (wait === undefined || !(wait >= 0)) return yield* refuseWith(400, 'wait is a duration, such as "30s"')
      return toWire(yield* Effect.mapError(store.await(id, Math.min(wait, longestWait)), lookupOf))
    }),

    list: ({ query }) => Effect.gen(function*() {
      const { limit = pageSize, ...filter } = query
      const page = yield* store.list({ ...filter, limit })
      return { tasks: page.tasks.map(toWire), ...(page.cursor !== undefined && { cursor: page.cursor }) }
    }).pipe(Effect.mapError(unavailable)),

    cancel: ({ params }) => Effect.flatMap(readId(params.id), (id) => Effect.mapBoth(store.cancel(id), { onSuccess: toWire, onFailure: lookupOf })),
    retry: ({ params }) => Effect.flatMap(readId(params.id), (id) => Effect.mapBoth(store.redrive(id), { onSuccess: toWire, onFailure: lookupOf }))
  }))

/** Epoch ms; fails with what is no moment. */
const readMoment = (field: string, text: string | undefined) => {
  const moment = text === undefined ? undefined : Date.parse(text)
  if (!Number.isNaN(moment)) return Effect.succeed(moment)
  const message = `${field} is ${text}, but must be ISO 8601, such as "2030-01-31T08:00:00Z"`
  return Effect.fail(new Wire.PayloadRefused({ detail: message, errors: [{ path: [field], message }] }))
}

const dead = ({ store }: ApiParts) =>
  HttpApiBuilder.group(Wire.SidecarApi, "dead", (handlers) => handlers.handleAll({
    retry: ({ payload }) => Effect.gen(function*() {
      const finishedAfter = yield* readMoment("finishedAfter", payload.finishedAfter)
      const finishedBefore = yield* readMoment("finishedBefore", payload.finishedBefore)
      return { retried: yield* Effect.mapError(store.redriveMany({ ...payload, finishedAfter, finishedBefore }), unavailable) }
    })
  }))

const queueToWire = ({ oldest, pausedAt, ...queue }: TaskStore.QueueState): (typeof Wire.Queue)["Type"] => ({
  ...queue as Omit<(typeof Wire.Queue)["Type"], "oldest" | "pausedAt">,
  ...(oldest !== undefined && { oldest }),
  ...(pausedAt !== undefined && { pausedAt: new Date(pausedAt).toISOString() })
})

const queueRefusalOf = (error: Task.QueueNotFound | Task.StoreUnavailable) =>
  error._tag === "QueueNotFound" ? new Wire.QueueNotFound({ detail: error.message }) : unavailable(error)

const queues = ({ store }: ApiParts) =>
  HttpApiBuilder.group(Wire.SidecarApi, "queues", (handlers) => handlers.handleAll({
    list: () => Effect.mapBoth(store.queues, { onSuccess: (all) => ({ queues: all.map(queueToWire) }), onFailure: unavailable }),
    pause: ({ params }) => Effect.mapBoth(store.pauseQueue(params.name), { onSuccess: queueToWire, onFailure: queueRefusalOf }),
    resume: ({ params }) => Effect.mapBoth(store.resumeQueue(params.name), { onSuccess: queueToWire, onFailure: queueRefusalOf }),
    limit: ({ params, payload }) => store.limitQueue(params.name, payload.limits ?? undefined).pipe(Effect.mapBoth({
      onSuccess: queueToWire,
      onFailure: (error) => error._tag === "InvalidOption"
        ? new Wire.PayloadRefused({ detail: error.message, errors: [{ path: ["limits", ...error.option.split(".")], message: error.message }] })
        : queueRefusalOf(error)
    }))
  }))

const reports = ({ hosts }: ApiParts) =>
  HttpApiBuilder.group(Wire.SidecarApi, "reports", (handlers) => handlers.handleAll({
    report: ({ payload }) => Effect.sync(() => {
      hosts.accept(payload)
      return { interval: reportInterval }
    })
  }))

/** The groups of the API, over these parts. */
export const groups = (parts: ApiParts) => Layer.mergeAll(tasks(parts), dead(parts), queues(parts), schedules(parts), reports(parts))
