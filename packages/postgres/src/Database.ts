/**
 * A PostgreSQL database of the host as a service: a watched pool, and every query under a policy that fits its kind.
 *
 * `read` is repeated on any transient failure, `write` only with proof that nothing was applied, `transaction` as a whole when
 * PostgreSQL rolled it back by itself (serialization failure, deadlock). Each kind has its timeout, which cancels the query on
 * the server. A caller's own deadline (`Deadline`) that is nearer does the same, and is told to PostgreSQL as
 * `statement_timeout`. Waiting for a connection has a timeout too.
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import * as Reactivity from "effect/reactivity/Reactivity"
import { PgClient } from "@effect/sql-pg"
import { Deadline, Health, Policy, Registry, Retry } from "@outrigger/sdk"
import { isRetryable, serverErrorOf } from "./internal/errors.ts"
import { leaveSoon } from "./internal/leave.ts"
import { saysPooler } from "./internal/pooler.ts"
import { limitStatements, limitTransaction, margin, startupParameters } from "./internal/statementTimeout.ts"

export interface Options {
  readonly url: Config.Config<Redacted.Redacted> | Redacted.Redacted
  readonly pool?: {
    /** Connections; 10 unless said. */
    readonly max?: number | undefined
    /** How long a query may wait for a connection; 2 seconds unless said. */
    readonly acquireTimeout?: Duration.Input | undefined
  } | undefined
  /** 5, 10 and 30 seconds unless said. */
  readonly queryTimeout?: {
    readonly read?: Duration.Input | undefined
    readonly write?: Duration.Input | undefined
    readonly analytics?: Duration.Input | undefined
  } | undefined
  /**
   * The longest that PostgreSQL lets any statement of this pool run, also when this process is gone; the longest of
   * `queryTimeout`, and 100 ms, unless said. False leaves it to the server's own settings and sets nothing on a session; so does `pooler`.
   */
  readonly statementTimeout?: Duration.Input | false | undefined
  /**
   * Whether the URL leads to PgBouncer or its like, which shares sessions: then nothing is prepared and nothing is set on one.
   * False unless said here, or by `?pgbouncer=true` in the URL.
   */
  readonly pooler?: boolean | undefined
  /** `Retry.database` unless said. */
  readonly retry?: Retry.Options | false | undefined
  /** A breaker is off unless said: what a database needs is fewer connections, not fewer answers. */
  readonly breaker?: Policy.Options["breaker"]
  /** How often it is asked for a sign of life; 60 seconds unless said. */
  readonly healthEvery?: Duration.Input | undefined
  /** "critical" unless said. */
  readonly criticality?: Policy.Options["criticality"]
}

type Query<A, E, R> = (sql: PgClient.PgClient) => Effect.Effect<A, E, R>

/** What the service is. */
export interface Shape {
  readonly sql: PgClient.PgClient
  /** The same, for a caller whose deadline is nearer than the kind's timeout: PostgreSQL ends its statements then. */
  readonly limited: PgClient.PgClient
  /** Milliseconds that each kind has. */
  readonly timeouts: Timeouts
  readonly run: <A, E, R>(kind: Kind, operation: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Policy.Rejected, R>
}

type Kind = "read" | "write" | "analytics" | "transaction"
type Timeouts = Readonly<Record<Kind, number>>
type Failure = SqlError | Policy.Rejected

/** The class that `Database.Service` makes: a service key, its layer, and the operations. */
export interface DatabaseClass<Self, Name extends string> extends Context.ServiceClass<Self, Name, Shape> {
  /** Opens the pool, registers the dependency, watches it, and closes the pool at the end. */
  readonly layer: Layer.Layer<Self, Config.ConfigError | SqlError>
  /** Repeated on any transient failure. */
  read<A, E = never, R = never>(query: Query<A, E, R>): Effect.Effect<A, E | Policy.Rejected, R | Self>
  /** Repeated only with proof that nothing was applied. */
  write<A, E = never, R = never>(query: Query<A, E, R>): Effect.Effect<A, E | Policy.Rejected, R | Self>
  /** As `read`, with a longer timeout. */
  analytics<A, E = never, R = never>(query: Query<A, E, R>): Effect.Effect<A, E | Policy.Rejected, R | Self>
  /** All or nothing; repeated as a whole when PostgreSQL rolled it back by itself. Queries inside use the client at hand. */
  transaction<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Failure, R | Self>
}

const outcome: Policy.Classify = (value, ok) => {
  if (ok || typeof value !== "object" || value === null || (value as { readonly _tag?: unknown })._tag !== "SqlError") return undefined
  return isRetryable(value as SqlError) ? "transient" : "permanent"
}

/** PostgreSQL rolled back: the whole may be repeated. A refused connection: it never began. */
const rolledBack = (error: unknown): boolean => {
  if ((error as { readonly _tag?: unknown } | null)?._tag !== "SqlError") return false
  const { code } = serverErrorOf(error as SqlError)
  return code !== undefined && (/^40(001|P01)$/.test(code) || code === "ECONNREFUSED" || code === "57P03" || code === "53300")
}

const timeoutsOf = ({ queryTimeout: { analytics = "30 seconds", read = "5 seconds", write = "10 seconds" } = {} }: Options): Timeouts => {
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  return { read: millis(read), write: millis(write), analytics: millis(analytics), transaction: millis(write) }
}

const policies = (name: string, options: Options, timeouts: Timeouts, registry: Registry.Service, services: Context.Context<never>) => {
  const retry = options.retry ?? Retry.database
  const once = retry === false ? false as const : { ...retry, while: rolledBack }
  const make = (kind: Kind, retry: Policy.Options["retry"]) =>
    Policy.fromRegistry(registry, "database", kind === "read" ? name : `${name}.${kind}`, {
      timeout: timeouts[kind], retry, breaker: options.breaker ?? false, classify: outcome, criticality: options.criticality ?? "critical"
    }, services)
  return {
    read: make("read", retry),
    write: make("write", once),
    analytics: make("analytics", retry),
    transaction: make("transaction", once)
  }
}

/** One question now and then, at most 2 seconds long. */
const watch = (name: string, options: Options, sql: PgClient.PgClient) => {
  const ask = Effect.catch(Effect.asVoid(sql`select 1`), (error) => Effect.as(
    Effect.logWarning("Pool health: degraded").pipe(Effect.annotateLogs({ dependency: name, why: describe(error) })),
    { status: "fail", output: describe(error) } as const
  ))
  return Health.check(`${name}:ping`, ask, {
    every: options.healthEvery ?? "60 seconds", timeout: "2 seconds", criticality: options.criticality ?? "critical"
  })
}

const describe = (error: SqlError): string => serverErrorOf(error).message

const makeShape = (name: string, options: Options) => Effect.gen(function*() {
  const registry = yield* Registry.Registry
  const services = yield* Effect.context<never>()
  const url = Redacted.isRedacted(options.url) ? options.url : yield* options.url
  const timeouts = timeoutsOf(options)
  const pooled = options.pooler ?? saysPooler(url)
  const statementTimeout = !pooled && (options.statementTimeout ?? Math.max(timeouts.read, timeouts.write, timeouts.analytics) + margin)
  const sql = yield* PgClient.make({
    url, applicationName: name, maxConnections: options.pool?.max ?? 10,
    connectTimeout: options.pool?.acquireTimeout ?? "2 seconds",
    prepare: !pooled,
    ...(statementTimeout !== false && { startupParameters: startupParameters(Duration.toMillis(Duration.fromInputUnsafe(statementTimeout))) })
  })
  yield* Effect.addFinalizer(() => Effect.logInfo("Session closed on shutdown").pipe(Effect.annotateLogs({ dependency: name })))
  const all = policies(name, options, timeouts, registry, services)
  yield* watch(name, options, sql)
  const run: Shape["run"] = (kind, operation, effect) => all[kind].run(leaveSoon(effect), { operation })
  return { sql, limited: statementTimeout === false ? sql : limitStatements(sql), timeouts, run }
})

const layers = new WeakMap<object, Layer.Layer<any, any>>()

const layerOf = <Self>(key: Context.Key<Self, Shape>, name: string, options: Options): DatabaseClass<Self, string>["layer"] => {
  const layer = layers.get(key) ?? Layer.effect(key, makeShape(name, options)).pipe(Layer.provide(Reactivity.layer))
  layers.set(key, layer)
  return layer
}

/**
 * Makes the class of a database. The pool opens with the layer and closes with it.
 *
 * @example
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import { Database } from "@outrigger/postgres"
 *
 * class Main extends Database.Service<Main>()("main", {
 *   url: Config.Redacted("DATABASE_URL"),
 *   pool: { max: 10, acquireTimeout: "2 seconds" },
 *   queryTimeout: { read: "5 seconds", write: "10 seconds" }
 * }) {}
 *
 * const users = Main.read((sql) => sql`select name from users`).pipe(Effect.provide(Main.layer))
 */
export const Service = <Self>() =>
<const Name extends string>(name: Name, options: Options): DatabaseClass<Self, Name> => {
  const base = Context.Service<Self, Shape>()(`@outrigger/postgres/Database/${name}`)
  const query = (kind: Kind) => ({
    value<A, E, R>(this: Context.Service<Self, Shape>, ask: Query<A, E, R>) {
      return this.use(({ limited, run, sql, timeouts }) =>
        Effect.flatMap(Deadline.left, (left) =>
          run(kind, kind, Effect.suspend(() => ask(left < timeouts[kind] ? limited : sql)))))
    }
  })
  // The statics read `this`: the subclass is the key that R names.
  const statics = {
    layer: { get(this: Context.Service<Self, Shape>) { return layerOf(this, name, options) } },
    read: query("read"),
    write: query("write"),
    analytics: query("analytics"),
    transaction: {
      value<A, E, R>(this: Context.Service<Self, Shape>, effect: Effect.Effect<A, E, R>) {
        return this.use(({ run, sql, timeouts }) => Effect.flatMap(Deadline.left, (left) => {
          const inside = Effect.provideService(effect, PgClient.PgClient, sql)
          const limited = left < timeouts.transaction ? Effect.andThen(limitTransaction(sql), inside) : inside
          return run("transaction", "transaction", sql.withTransaction(limited))
        }))
      }
    }
  }
  return Object.defineProperties(base, statics) as unknown as DatabaseClass<Self, Name>
}
