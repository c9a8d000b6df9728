/**
 * A test kit for tasks, with promises: the workbench of `core/testing` under a clock that is moved by hand. The handlers run
 * here, in the test's own process; nothing else is played.
 */
import { type EnqueuedTask, Workbench } from "../core/testing/workbench.ts"
import { Findings } from "../core/testing/assertions.ts"
import type { Attempt } from "../core/testing/attempt.ts"
import { type Draining, draining, type DrainResult } from "../core/testing/draining.ts"
import type { Expectation } from "../core/testing/expectation.ts"
import { type DurationInput, toMillis } from "../core/time/duration.ts"
import type { TaskId } from "../core/tasks/task.ts"
import { TaskNotFound } from "../core/tasks/taskErrors.ts"
import { createOutrigger, type Outrigger } from "../promise/createOutrigger.ts"
import type { Tasks } from "../promise/Sidecar.ts"
import type { AnyTask, Middleware, PayloadOf, SuccessOf, TaskHandler, TaskSchedule } from "../promise/Task.ts"
import { HandlerSet } from "./handlers.ts"
import { KitBreakers } from "./kitBreakers.ts"
import { KitTasks } from "./kitTasks.ts"
import { type PerformContext, perform } from "./perform.ts"
import { playAttempt } from "./playAttempt.ts"
import { type Statement, tasksOfStatement } from "./statement.ts"

export interface TestKitOptions {
  /** What `drain`, `perform` and `execute` run, and the schedules that fire: what a handlers file exports. None unless said. */
  readonly handlers?: TaskHandler | TaskSchedule | ReadonlyArray<TaskHandler | TaskSchedule> | undefined
  /** Stands around every handler, as in a handlers file. */
  readonly middleware?: ReadonlyArray<Middleware> | undefined
  /** Where the kit's clock begins; now unless said. */
  readonly now?: Date | number | undefined
  /** In [0, 1), for the jitter of retries; unless said, they come as late as they can. */
  readonly random?: (() => number) | undefined
}

/** What a test asks of an enqueued task. */
export interface Expected<Payload> extends Expectation<Payload> {
  /** From now on the kit's clock; give or take a second. */
  readonly scheduledIn?: DurationInput | undefined
}

export interface DrainOptions extends Omit<Draining, "for"> {
  /** `due` now (unless said), also `retries` whenever they fall due, or everything that is `scheduled`; the clock moves along. */
  readonly with?: Draining["with"]
  /** What falls due within this time; the clock then stands that much later. */
  readonly for?: DurationInput | undefined
  /** Only tasks of this queue. */
  readonly queue?: string | undefined
  /** At most so many attempts. */
  readonly limit?: number | undefined
}

/** The ways in which once becomes twice. */
export interface Faults {
  /**
   * The next attempt goes to two workers: the first freezes, the second runs it to its end, and then the first wakes and runs
   * it too, with the smaller fence. What the first gives is refused.
   */
  readonly deliverTwice: (id: TaskId) => void
  /** The attempt at work, or else the next, loses its lease while it runs: its signal is aborted, its outcome refused. */
  readonly loseLease: (id: TaskId) => void
  /**
   * The worker at work dies there and then, and nobody hears of its handler again. When none is at work, the next dies after
   * its handler has ended, and before the outcome is stored.
   */
  readonly killWorker: () => void
}

/** As late as jitter allows. */
const latest = () => 1 - 2 ** -53

const millisOf = (option: string, input: DurationInput): number => {
  const value = toMillis(input)
  if (value >= 0) return value
  throw new RangeError(`${option} is ${JSON.stringify(input)}, but must be milliseconds or a duration such as "10 minutes"`)
}

/** What `createTestKit` gives. */
export class TestKit {
  /** For `createOutrigger({ sidecar })`. */
  readonly sidecar: Tasks
  readonly faults: Faults
  private readonly handlers: HandlerSet
  private readonly bench: Workbench
  private readonly tasks: KitTasks
  private readonly breakers = new KitBreakers()
  /** Until schedules are declared, which may take their schemas a moment. */
  private declaring: Promise<void> | undefined
  private time: number
  /** Since when schedules are declared. */
  private began: number
  private own: Outrigger | undefined

  constructor(options: TestKitOptions = {}) {
    this.time = this.began = Number(options.now ?? Date.now())
    if (Number.isNaN(this.time)) throw new RangeError(`createTestKit: now is ${String(options.now)}, but must be a date`)
    this.handlers = new HandlerSet(options.handlers ?? [], options.middleware ?? [])
    const now = () => this.time
    const bench = this.bench = new Workbench({
      now,
      random: options.random ?? latest,
      definitions: () => this.handlers.definitions(),
      probes: (needs) => this.breakers.probes(needs),
      probesAt: () => undefined,
      changed: (id) => this.tasks.changed(id)
    })
    this.tasks = new KitTasks(bench, (over) => this.play({ with: "scheduled" }, over))
    this.sidecar = this.tasks
    this.declaring = this.beginDeclaring()
    this.faults = {
      deliverTwice: (id) => bench.deliverTwice(id),
      loseLease: (id) => bench.loseLease(id),
      killWorker: () => bench.killWorker()
    }
  }

  private beginDeclaring(): Promise<void> | undefined {
    const declaring = this.handlers.declarations()?.then((all) => {
      for (const declaration of all) this.bench.timetable.declare(declaration, this.began)
      this.declaring = undefined
    })
    declaring?.catch(() => {}) // the first drain tells
    return declaring
  }

  // ---- the code under test

  /** An outrigger whose tasks come here, for code that takes one. */
  get outrigger(): Outrigger {
    if (this.own === undefined) this.breakers.add(this.own = createOutrigger({ service: "test", sidecar: this.sidecar }))
    return this.own
  }

  /** Turns the tasks of an outrigger that is made elsewhere to this kit, until the returned function is called. */
  attach(outrigger: Outrigger): () => void {
    const undo = [outrigger.provideTasks(this.sidecar), this.breakers.add(outrigger)]
    return () => undo.forEach((one) => one())
  }

  /**
   * Answers the statements of `enqueueSql` and `enqueueManySql` as a `pg` client would: for a double of the host's own. An arrow,
   * so that it can be handed around: `{ query: kit.query }`.
   */
  readonly query = async (statement: string | Statement, values?: ReadonlyArray<unknown>): Promise<{ readonly rows: ReadonlyArray<{ readonly id: TaskId }>; readonly rowCount: number }> => {
    const tasks = tasksOfStatement(typeof statement === "string" ? { text: statement, values: values ?? [] } : statement)
    const rows = (await this.sidecar.enqueueMany(tasks)).map(({ id }) => ({ id }))
    return { rows, rowCount: rows.length }
  }

  // ---- what was enqueued

  /**
   * That a task was enqueued, whatever became of it since; gives the first that fits, as it is now. Throws an error that shows
   * what there is beside what was asked for.
   */
  assertEnqueued<T extends AnyTask>(task: T, expected: Expected<PayloadOf<T>> = {}): EnqueuedTask<PayloadOf<T>> {
    return this.findings(task, expected).assert()
  }

  /** That no task was enqueued that fits. */
  refuteEnqueued<T extends AnyTask>(task: T, expected: Omit<Expected<PayloadOf<T>>, "count"> = {}): void {
    this.findings(task, expected).refute()
  }

  /** Every task that was enqueued, or those of this kind that fit; in that order, as they are now. */
  allEnqueued(): ReadonlyArray<EnqueuedTask>
  allEnqueued<T extends AnyTask>(task: T, expected?: Omit<Expected<PayloadOf<T>>, "count">): ReadonlyArray<EnqueuedTask<PayloadOf<T>>>
  allEnqueued<T extends AnyTask>(task?: T, expected: Expected<PayloadOf<T>> = {}): ReadonlyArray<EnqueuedTask> {
    return task === undefined ? this.bench.all() : this.findings(task, expected).fitting()
  }

  private findings<T extends AnyTask>(task: T, { scheduledIn, ...expected }: Expected<PayloadOf<T>>): Findings<PayloadOf<T>> {
    const asked = scheduledIn === undefined ? expected : { ...expected, scheduledAt: this.time + millisOf("scheduledIn", scheduledIn) }
    const { others, own } = this.bench.split(task.definition)
    return new Findings(task.name, asked, own as ReadonlyArray<EnqueuedTask<PayloadOf<T>>>, others)
  }

  /** The task as it is now. Throws `TaskNotFound`. */
  task(id: TaskId): EnqueuedTask {
    const task = this.bench.all().find((one) => one.id === id)
    if (task === undefined) throw new TaskNotFound(id)
    return task
  }

  /** Forgets all tasks, and the faults that were to come; schedules begin anew. Queues that are paused stay so. */
  clear(): void {
    this.began = this.time
    this.bench.clear()
  }

  /** What waits in this queue is not run; what runs goes on. Throws `QueueNotFound` for a queue of no handler and no task. */
  pauseQueue(queue: string): void {
    this.bench.queue(queue, "pause")
  }

  /** Throws `QueueNotFound`. */
  resumeQueue(queue: string): void {
    this.bench.queue(queue, "resume")
  }

  // ---- running

  /**
   * Runs the handler of a task, and stores nothing. Rejects with what the handler throws, with `InvalidPayload` when the payload
   * does not fit its schema, and with an error that says so when the result does not, or cannot be stored.
   */
  async perform<T extends AnyTask>(task: T, payload: PayloadOf<T>, context: PerformContext = {}): Promise<SuccessOf<T>> {
    return perform(this.handlers.of(task.definition), task, payload, context, this.time) as Promise<SuccessOf<T>>
  }

  /**
   * Runs what waits, one attempt at a time, and what that enqueues in turn. Schedules fire as the clock passes their slots; `for`
   * says how far to go where nothing else does. Says what came of it.
   */
  async drain(options: DrainOptions = {}): Promise<DrainResult> {
    const { for: duration, ...rest } = options
    return this.play({ ...rest, for: duration === undefined ? undefined : millisOf("drain: for", duration) })
  }

  private async play(options: Draining, over?: () => boolean): Promise<DrainResult> {
    if (this.declaring !== undefined) await this.declaring
    const steps = draining(this.bench, () => this.time, options, over)
    for (;;) {
      const { done, value } = steps.next()
      if (done === true) return value
      if (typeof value === "number") this.moveTo(value)
      else await this.run(value)
    }
  }

  private run(attempt: Attempt): Promise<void> {
    return playAttempt(this.bench, this.handlers.of(attempt.definition), attempt)
  }

  // ---- time

  /** The kit's clock, epoch ms. It stands still until it is moved. */
  now(): number {
    return this.time
  }

  /**
   * Moves the clock. Nothing is run by that: `drain` does. An attempt under way that has outlived its timeout is interrupted; a
   * slot of a schedule that is jumped over by more than a minute counts as missed, and `catchUp` decides.
   */
  advance(by: DurationInput): void {
    this.moveTo(this.time + millisOf("advance", by))
  }

  private moveTo(time: number): void {
    this.time = Math.max(this.time, time)
    this.bench.timePassed()
  }
}

/**
 * A test kit: tasks in memory, a clock that stands still, and faults on demand. One for each test.
 *
 * @example
 * import { createTestKit } from "@outrigger/sdk/testing"
 * import { Task } from "@outrigger/sdk/promise"
 * import { z } from "zod"
 *
 * const Welcome = Task.make("welcome", { payload: z.object({ user: z.string() }) })
 * const kit = createTestKit({ handlers: [Welcome.handle(({ user }) => `welcome ${user}`)] })
 *
 * await kit.outrigger.enqueue(Welcome, { user: "ada" }, { delay: "1 day" })
 * kit.assertEnqueued(Welcome, { payload: { user: "ada" }, scheduledIn: "1 day" })
 * const { succeeded } = await kit.drain({ with: "scheduled" })
 */
export const createTestKit = (options: TestKitOptions = {}): TestKit => new TestKit(options)
