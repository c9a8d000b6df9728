/** What every library under test can do: one queue over one database, for the process that measures it. */

/** What is enqueued and handled. Sixty bytes of it are there for the weight. */
export interface Payload {
  readonly n: number
  readonly pad: string
  /** When it was enqueued, by `now`; 0 where nobody asks. */
  readonly sentAt: number
}

/** One task to be enqueued. */
export interface Spec {
  readonly payload: Payload
  /** Which of the tasks that are handled. */
  readonly route: number
  /** 0 is first, 9 is last. */
  readonly priority: number
  /** Tasks of one key run one at a time. */
  readonly key: string | undefined
}

/** What the tasks of a case are like. */
export interface Shape {
  readonly routes: number
  readonly priorities: number
  /** Half of the tasks stand behind one of these many keys; 0 is no keys. */
  readonly keys: number
  /** One of five fails at its first attempt. */
  readonly failing: boolean
  /** A runner sleeps, and has to be woken. */
  readonly waking: boolean
}

/** Alike, of one kind. */
export const plain: Shape = { routes: 1, priorities: 1, keys: 0, failing: false, waking: false }

/** The host that enqueues. */
export interface Producer {
  /** All of them in one call. */
  readonly many: (specs: ReadonlyArray<Spec>) => Promise<unknown>
  readonly one: (spec: Spec) => Promise<unknown>
  readonly close: () => Promise<unknown>
}

/** Whether the attempt succeeds. */
export type Handle = (payload: Payload) => boolean

export interface Runner {
  /** Takes no more; over once all that was handled is stored. */
  readonly stop: () => Promise<unknown>
  readonly close: () => Promise<unknown>
}

export interface Queue {
  /** Makes its schema in an empty database. */
  readonly prepare: (url: string, shape: Shape) => Promise<void>
  readonly produce: (url: string) => Promise<Producer>
  readonly run: (url: string, shape: Shape, handle: Handle) => Promise<Runner>
}

/** The queues of a module, by the name of the subject. */
export type Queues = Readonly<Record<string, Queue>>

const pad = "x".repeat(60)

/** The n-th task of a case. */
export const specOf = ({ keys, priorities, routes }: Shape, n: number, sentAt = 0): Spec => ({
  payload: { n, pad, sentAt },
  route: n % routes,
  priority: priorities === 1 ? 5 : Math.floor(n / routes) % priorities,
  key: keys > 0 && n % 2 === 0 ? `key-${(n / 2 * 7919) % keys}` : undefined
})

export const names = ({ routes }: Shape): ReadonlyArray<string> => Array.from({ length: routes }, (_, route) => `noop-${route}`)

/** Of an attempt that fails; made once, for a stack costs more than most statements. */
export const failure = new Error("fails once")

/** Milliseconds of a clock that all processes of this machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6
