/**
 * The sidecar over HTTP, for a host with nothing but `fetch`. Every question has a deadline: a sidecar that is absent, slow or
 * frozen costs its caller that long at most, and nobody else anything.
 */
import { type DurationInput, toMillis } from "../core/time/duration.ts"
import { Dependency } from "../core/dependency.ts"
import { wireOptionsOf } from "../core/tasks/newTask.ts"
import type { Enqueued, NewTask, TaskId, TaskRecord } from "../core/tasks/task.ts"
import {
  IdempotencyConflict, InvalidOption, InvalidPayload, SidecarUnavailable, TaskNotFound, UnknownTask
} from "../core/tasks/taskErrors.ts"
import type { Timers } from "../core/time/timers.ts"
import { type EnqueuedJson, type EnqueueManyJson, type ProblemJson, taskFromJson, type TaskJson } from "../core/tasks/wire.ts"
import { Api } from "./Api.ts"

export interface SidecarOptions {
  /** Such as `http://127.0.0.1:7700`. */
  readonly url: string
  readonly token?: string | undefined
  /** How long an enqueue may take, retries included; 5 seconds unless said. */
  readonly timeout?: DurationInput | undefined
}

/** Where an outrigger's tasks go, and who is asked about them: a sidecar over HTTP, or a test kit. */
export interface Tasks {
  enqueue(task: NewTask): Promise<Enqueued>
  /** All or none. */
  enqueueMany(tasks: ReadonlyArray<NewTask>): Promise<ReadonlyArray<Enqueued>>
  find(id: TaskId): Promise<TaskRecord>
  /** The task once it is over. */
  await(id: TaskId, signal?: AbortSignal): Promise<TaskRecord>
  cancel(id: TaskId): Promise<TaskRecord>
  /** Makes a dead or cancelled task ready again. */
  redrive(id: TaskId): Promise<TaskRecord>
  /** Workers that sleep look at once; a hint, so it never rejects. */
  wake(): Promise<void>
}

/** An answer of the sidecar: status and JSON. */
interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

interface Request {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

const isProblem = (body: unknown): body is ProblemJson => typeof body === "object" && body !== null && "title" in body

const detailOf = ({ body, status }: Answer): string =>
  isProblem(body) ? `${body.title}${body.detail === undefined ? "" : `: ${body.detail}`}` : `it answered ${status}`

export class Sidecar implements Tasks {
  private readonly url: URL
  private readonly token: string | undefined
  private readonly api: Api

  constructor(options: SidecarOptions, timers?: Timers) {
    if (!URL.canParse(options.url)) throw new InvalidOption("sidecar", "url", options.url, "a URL such as http://127.0.0.1:7700", "sidecar")
    if (options.token === "") throw new InvalidOption("sidecar", "token", '""', "left out, or the token that the sidecar was started with", "sidecar")
    const timeout = options.timeout === undefined ? 5000 : toMillis(options.timeout)
    this.url = new URL(options.url)
    this.token = options.token
    this.api = new Api(new Dependency("sidecar", {
      timeout,
      attemptTimeout: Math.max(1, timeout / 3),
      retry: { times: 10, base: 100, max: 1000, budget: false },
      criticality: "ignored"
    }, timers))
  }

  /** One request, as it is answered; rejects when there is no answer. */
  async send({ body, headers, method, path, signal }: Request): Promise<Answer> {
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...headers
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
      redirect: "error"
    })
    const text = await response.text()
    let parsed: unknown
    try {
      parsed = text === "" ? undefined : JSON.parse(text)
    } catch (cause) {
      throw new Error(`${path} answered ${response.status} with something that is not JSON`, { cause })
    }
    return { status: response.status, headers: response.headers, body: parsed }
  }

  /** Retried under one key within the deadline; then `SidecarUnavailable`, which carries that key. */
  async enqueue(task: NewTask): Promise<Enqueued> {
    const key = task.idempotencyKey ?? crypto.randomUUID()
    const { name, payload } = task
    const answer = await this.ask(key, {
      method: "POST",
      path: `/v1/tasks/${encodeURIComponent(name)}`,
      headers: { "idempotency-key": key },
      body: { payload, options: wireOptionsOf(task) }
    }, name)
    const { duplicate, id } = answer.body as EnqueuedJson
    return { id, duplicate }
  }

  /** All or none; each task under a key of its own, so that a repetition enqueues none twice. */
  async enqueueMany(tasks: ReadonlyArray<NewTask>): Promise<ReadonlyArray<Enqueued>> {
    if (tasks.length === 0) return []
    const body: EnqueueManyJson = {
      tasks: tasks.map((task) => {
        const { idempotencyKey = crypto.randomUUID(), name, payload } = task
        return { name, payload, idempotencyKey, options: wireOptionsOf(task) }
      })
    }
    const answer = await this.ask(undefined, { method: "POST", path: "/v1/tasks", body }, tasks[0]!.name)
    return (answer.body as { readonly tasks: ReadonlyArray<Enqueued> }).tasks
  }

  async find(id: TaskId): Promise<TaskRecord> {
    return this.task(await this.ask(undefined, { method: "GET", path: `/v1/tasks/${encodeURIComponent(id)}` }, id))
  }

  async cancel(id: TaskId): Promise<TaskRecord> {
    return this.task(await this.ask(undefined, { method: "POST", path: `/v1/tasks/${encodeURIComponent(id)}/cancel` }, id))
  }

  async redrive(id: TaskId): Promise<TaskRecord> {
    return this.task(await this.ask(undefined, { method: "POST", path: `/v1/tasks/${encodeURIComponent(id)}/retry` }, id))
  }

  /** A hint: asked once, and lost when the sidecar does not answer soon. */
  async wake(): Promise<void> {
    await this.send({ method: "POST", path: "/v1/wake", signal: AbortSignal.timeout(1000) }).catch(() => undefined)
  }

  /** The task once it is over. Waits as long as the caller does: a sidecar that restarts meanwhile is asked again. */
  async await(id: TaskId, signal?: AbortSignal): Promise<TaskRecord> {
    for (;;) {
      signal?.throwIfAborted()
      const task = await this.wait(id, signal)
      if (task?.finishedAt !== undefined) return task
    }
  }

  /** One long poll; undefined when the sidecar could not be asked. */
  private async wait(id: TaskId, signal: AbortSignal | undefined): Promise<TaskRecord | undefined> {
    const path = `/v1/tasks/${encodeURIComponent(id)}?wait=20s`
    const timeout = AbortSignal.timeout(30_000)
    try {
      const answer = await this.send({ method: "GET", path, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
      if (answer.status < 500 && answer.status !== 429) return this.task(this.accept(answer, undefined, id))
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (error instanceof TaskNotFound || error instanceof SidecarUnavailable) throw error
    }
    await this.find(id).catch((error: unknown) => { // paced by its own backoff
      if (!(error instanceof SidecarUnavailable)) throw error
    })
    return undefined
  }

  private async ask(key: string | undefined, request: Request, subject: string): Promise<Answer> {
    let answer: Answer
    try {
      answer = await this.api.call(({ signal }) => this.send({ ...request, signal }), { operation: request.path })
    } catch (cause) {
      const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause)
      throw new SidecarUnavailable(`The sidecar at ${this.url.origin} did not answer (${reason}): start it with "outrigger start"`, key, { cause })
    }
    return this.accept(answer, key, subject)
  }

  private accept(answer: Answer, key: string | undefined, subject: string): Answer {
    const { body, status } = answer
    if (status < 300) return answer
    const type = isProblem(body) ? body.type : ""
    if (type.endsWith(":unknown-task")) throw new UnknownTask(subject)
    if (type.endsWith(":task-not-found")) throw new TaskNotFound(subject)
    if (type.endsWith(":idempotency-conflict")) throw new IdempotencyConflict(key ?? "")
    if (status === 422 || status === 400 || status === 413) {
      const issues = isProblem(body) && body.errors !== undefined ? body.errors : [{ path: [], message: detailOf(answer) }]
      throw new InvalidPayload(subject, issues)
    }
    throw new SidecarUnavailable(`The sidecar at ${this.url.origin} did not do it: ${detailOf(answer)}`, key)
  }

  private task({ body }: Answer): TaskRecord {
    return taskFromJson(body as TaskJson)
  }
}
