/** The agent's way to its database: the one it was given, or one of its own; reached, migrated, as a task store. */
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { TaskStore } from "@outrigger/sdk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

/** The agent cannot start: says why and what to do. */
export class StartupError extends Data.TaggedError("StartupError")<{ readonly message: string; readonly cause?: unknown }> {}

export interface DatabaseOptions {
  readonly url: string | undefined
  /** `outrigger` unless said. */
  readonly schema: string | undefined
  /** The data folder. */
  readonly data: string
  /** Milliseconds. */
  readonly startupTimeout: number
  readonly print: (line: string) => void
}

export interface Database {
  readonly url: string
  readonly schema: string | undefined
  /** The URL leads to a pooler. */
  readonly pooler: boolean
  /** For people: without the password. */
  readonly shown: string
  readonly store: TaskStore.Service
}

const sayEvery = 5000
const tryEvery = 500

/** `postgres://user@host:5432/database` */
export const withoutPassword = (url: string): string => {
  const shown = new URL(url)
  shown.password = ""
  shown.search = ""
  return shown.href
}

/** Loaded only where it is needed: an image with a `DATABASE_URL` does not carry it. */
const startEmbedded = ({ data, print }: DatabaseOptions) => Effect.gen(function*() {
  const { start } = yield* Effect.promise(() => import("../embedded/EmbeddedPostgres.ts"))
  print(`Starting PostgreSQL in ${data}`)
  const { port, url } = yield* start({ dataDir: data, log: print })
  return { url, shown: `its own PostgreSQL in ${data}, on port ${port}` }
})

interface Trouble {
  readonly code: string | undefined
  readonly message: string
}

/** What the server, or the network, said: the innermost cause. */
export const troubleOf = (error: unknown): Trouble => {
  let found: Trouble = { code: undefined, message: String(error) }
  let at: unknown = error
  for (let depth = 0; depth < 8 && typeof at === "object" && at !== null; depth++) {
    const { cause, code, message, reason } = at as { readonly [key: string]: unknown }
    found = {
      code: typeof code === "string" ? code : found.code,
      message: typeof message === "string" && message !== "" ? message : found.message
    }
    at = reason ?? cause
  }
  return found
}

/** Not there, starting, stopping, full: it may come. A wrong password, or a database that does not exist, does not mend itself. */
const mayCome = ({ code }: Trouble): boolean => code === undefined || !/^(28|3D|42|0A|22)/.test(code)

const advice = "Check that PostgreSQL runs there, and DATABASE_URL (or --database-url)"

/** Migrates as soon as the database answers, and tells whether a pooler stands before it; says every few seconds what it waits for. */
const reach = (url: string, { print, schema, startupTimeout }: DatabaseOptions) => Effect.gen(function*() {
  const shown = withoutPassword(url)
  const begun = yield* Clock.currentTimeMillis
  let saidAt = -Infinity
  const attempt: Effect.Effect<boolean, StartupError> = PgTaskStore.poolerBefore(Redacted.make(url)).pipe(
    Effect.tap((pooler) => Effect.provide(Migrations.run({ schema }), PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 1, pooler }))),
    Effect.catch((error) => Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (error._tag === "ReleaseTooOld" || error._tag === "ServerTooOld") return Effect.fail(new StartupError({ message: error.message, cause: error }))
      const trouble = troubleOf(error)
      const what = `The database at ${shown} cannot be used: ${trouble.message}${trouble.code === undefined ? "" : ` (${trouble.code})`}`
      const waited = now - begun
      if (!mayCome(trouble)) return Effect.fail(new StartupError({ message: `${what}\n${advice}`, cause: error }))
      if (waited >= startupTimeout) return Effect.fail(new StartupError({ message: `${what}\nGiven up after ${Math.round(waited / 1000)} s. ${advice}`, cause: error }))
      if (now - saidAt >= sayEvery) {
        saidAt = now
        print(`${what}; trying again for ${Math.ceil((startupTimeout - waited) / 1000)} s`)
      }
      return Effect.andThen(Effect.sleep(tryEvery), attempt)
    }))
  )
  return { shown, pooler: yield* attempt }
})

/** What of it is out of the ordinary. */
const remarks = (schema: string | undefined, pooler: boolean): string =>
  `${schema === undefined ? "" : `, schema ${schema}`}${pooler ? ", through a pooler: notifications fall back to polling" : ""}`

/** The store in the database, for as long as the scope lives. */
export const openDatabase = (options: DatabaseOptions): Effect.Effect<Database, Error, Scope.Scope> => Effect.gen(function*() {
  const embedded = options.url === undefined ? yield* startEmbedded(options) : undefined
  const url = embedded?.url ?? options.url!
  const { schema } = options
  const { pooler, shown } = yield* reach(url, options)
  const layer = PgTaskStore.layer({ url: Redacted.make(url), applicationName: "outrigger agent", schema, pooler })
  const context = yield* Layer.build(layer)
  return { url, schema, pooler, shown: `${embedded?.shown ?? shown}${remarks(schema, pooler)}`, store: Context.get(context, TaskStore.TaskStore) }
})
