/** The server process of a cluster: started, found, asked, stopped. */
import { spawn } from "node:child_process"
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from "node:fs"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type Cluster, failure, spawnFailure, urlOf } from "./cluster.ts"
import { attempt, EmbeddedPostgresError, useYourOwn } from "./errors.ts"
import * as PostmasterPid from "./postmasterPid.ts"
import { birthOf, orphansIn, roleOf } from "./processes.ts"

export interface Postmaster {
  readonly pid: number
  readonly port: number
  readonly isOver: () => boolean
  /** Its end: how it came, or why it could not even be started. */
  readonly ended: Effect.Effect<string, EmbeddedPostgresError>
  /** What its log says since it was started. */
  readonly words: () => string
}

/** A log longer than this is set aside at the next start, bytes. */
const logLimit = 10 * 1024 * 1024

/** Reached over loopback alone: the path of a socket may have 107 bytes, which a project's folder soon has. */
const ownSettings = [
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=200",
  "cluster_name=outrigger"
]

/** Starts one. It has a session of its own: Ctrl-C in a terminal must not reach it before the tasks are handed back. */
export const launch = (cluster: Cluster, port: number, settings: ReadonlyArray<string>): Postmaster => {
  const log = openLog(cluster)
  const from = fstatSync(log).size
  const [command, ...args] = [
    ...cluster.account.prefix,
    cluster.binaries.postgres,
    ...["-D", cluster.folder, "-p", String(port)],
    ...[...ownSettings, ...settings].flatMap((setting) => ["-c", setting])
  ]
  const child = spawn(command!, args, {
    cwd: cluster.folder, env: cluster.environment, detached: true, stdio: ["ignore", log, log], ...cluster.account.ids
  })
  closeSync(log)
  const ended = Deferred.makeUnsafe<string, EmbeddedPostgresError>()
  child.once("error", (error) => Deferred.doneUnsafe(ended, Effect.fail(spawnFailure(cluster, error))))
  child.once("exit", (code, signal) => Deferred.doneUnsafe(ended, Effect.succeed(signal ?? `exit code ${code}`)))
  return {
    pid: child.pid ?? 0,
    port,
    isOver: () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null,
    ended: Deferred.await(ended),
    words: () => tail(cluster.log, from)
  }
}

/**
 * The postmaster that an earlier run, which was killed, left behind: whoever is connected keeps his connection, as if
 * nothing had happened. Undefined when there is none that is well.
 */
export const adopt = Effect.fnUntraced(function*(cluster: Cluster) {
  const found = yield* lookFor(cluster)
  return found?.ready && (yield* answers(cluster, found.port)) ? foster(cluster, found) : undefined
})

/** Makes room for another one: stops one that lives, and clears what a dead one left, also one that died just now. */
export const clear = Effect.fnUntraced(function*(cluster: Cluster) {
  for (let living = yield* lookFor(cluster); living !== undefined; living = yield* lookFor(cluster)) {
    yield* stop(foster(cluster, living))
  }
})

/**
 * The living postmaster of this cluster. When none lives, what a killed one left is cleared: its processes, and its
 * lock. The lock is not left to PostgreSQL, which takes a zombie, or another program with that number, for a living
 * postmaster.
 */
const lookFor = Effect.fnUntraced(function*(cluster: Cluster) {
  const found = yield* attempt(cluster.dataDir, () => PostmasterPid.read(cluster))
  if (found === undefined) return undefined
  const role = found.pid > 0 ? roleOf(found.pid, cluster.folder) : "none"
  if (role === "postmaster") return found
  if (role === "unknown") {
    return yield* new EmbeddedPostgresError({
      message: `A PostgreSQL may be running in ${cluster.folder} (process ${found.pid}, which this account cannot look at): stop it, ` +
        `or, when that process is something else, remove postmaster.pid there, ${useYourOwn}`
    })
  }
  yield* endOrphans(cluster)
  yield* attempt(cluster.dataDir, () => PostmasterPid.remove(cluster))
  return undefined
})

/** Nothing they do can be committed any more: their postmaster is dead. */
const endOrphans = (cluster: Cluster): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let left = orphansIn(cluster.folder); left.length > 0; left = orphansIn(cluster.folder)) {
      for (const orphan of left) signal(orphan, "SIGKILL")
      yield* Effect.sleep("10 millis")
    }
  }).pipe(Effect.timeoutOption("5 seconds"), Effect.asVoid)

/** Until it takes connections; fails with its own words when it ends before, or takes longer than a minute. */
export const ready = (cluster: Cluster, postmaster: Postmaster): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.gen(function*() {
    for (;;) {
      const { pid, ready } = PostmasterPid.read(cluster) ?? { pid: 0, ready: false }
      if (ready && pid === postmaster.pid) return
      yield* Effect.sleep("10 millis")
    }
  }).pipe(
    Effect.raceFirst(Effect.flatMap(postmaster.ended, (how) => failed(cluster, `it ended with ${how}`, postmaster))),
    Effect.timeoutOrElse({
      duration: "1 minute",
      orElse: () => Effect.andThen(stop(postmaster), failed(cluster, "it was not ready in a minute", postmaster))
    })
  )

const failed = (cluster: Cluster, what: string, { words }: Postmaster): Effect.Effect<never, EmbeddedPostgresError> =>
  Effect.suspend(() => Effect.fail(failure(cluster, what, words())))

/**
 * A fast shutdown, which ends every session; an immediate one when that takes longer than 10 seconds; then by force.
 */
export const stop = Effect.fnUntraced(function*(postmaster: Postmaster) {
  for (const name of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    if (postmaster.isOver()) return
    signal(postmaster.pid, name)
    signal(postmaster.pid, "SIGCONT") // one that is frozen would hear it only then
    yield* Effect.timeoutOption(Effect.exit(postmaster.ended), "10 seconds")
  }
})

/** It may be gone between the look and the signal. */
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

/** One that is not our child: it tells nobody when it ends, so it is watched. */
const foster = (cluster: Cluster, { pid, port }: PostmasterPid.PostmasterPid): Postmaster => {
  const birth = birthOf(pid)
  const from = fileSize(cluster.log)
  const isOver = () => birth === undefined || birthOf(pid) !== birth
  const ended = Effect.gen(function*() {
    while (!isOver()) yield* Effect.sleep("250 millis")
    return "nobody saw how"
  })
  return { pid, port, isOver, ended, words: () => tail(cluster.log, from) }
}

/** Whether it takes our password, serves this very folder, and can still start a process for us. */
const answers = (cluster: Cluster, port: number): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const { make } = yield* Effect.promise(() => import("@effect/sql-pg/PgConnection"))
    const connection = yield* make({ url: Redacted.make(urlOf(cluster, port)), connectTimeout: "5 seconds" })
    const { rows } = yield* connection.query("show data_directory")
    return rows[0]?.["data_directory"] === cluster.folder
  }).pipe(Effect.scoped, Effect.timeout("5 seconds"), Effect.catchCause(() => Effect.succeed(false)))

/** It may quote statements, so it is for its owner alone. */
const openLog = ({ log }: Cluster): number => {
  if (fileSize(log) > logLimit) renameSync(log, `${log}.old`)
  return openSync(log, "a", 0o600)
}

const fileSize = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

/** The last of a file, from an offset on. */
const tail = (file: string, from: number): string => {
  const size = fileSize(file)
  const start = Math.max(from, size - 8_192)
  if (size <= start) return ""
  const descriptor = openSync(file, "r")
  try {
    const bytes = Buffer.alloc(size - start)
    return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, bytes.length, start))
  } finally {
    closeSync(descriptor)
  }
}
