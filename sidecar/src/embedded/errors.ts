/** What can go wrong with the embedded PostgreSQL: each says what to do. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** How every message ends where there is another way. */
export const useYourOwn = "or use a PostgreSQL of your own: set DATABASE_URL=postgres://user:password@host:5432/database"

/**
 * The embedded PostgreSQL cannot run here, or did not start. Its message says why, in PostgreSQL's own words, and what
 * to do.
 */
export class EmbeddedPostgresError extends Data.TaggedError("EmbeddedPostgresError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** Another sidecar runs on this data folder. */
export class DataFolderInUse extends Data.TaggedError("DataFolderInUse")<{
  readonly folder: string
  /** The process that holds it. */
  readonly pid: number
}> {
  override get message() {
    return `The data folder ${this.folder} is in use by another sidecar (process ${this.pid}): stop that one, or give this one a folder of its own with --data`
  }
}

/** Turns whatever a system call threw into the one error, which names the folder. */
export const fromCause = (dataDir: string) => (cause: unknown): EmbeddedPostgresError =>
  cause instanceof EmbeddedPostgresError ? cause : new EmbeddedPostgresError({ message: explain(dataDir, cause), cause })

/** System calls as an effect. */
export const attempt = <A>(dataDir: string, evaluate: () => A): Effect.Effect<A, EmbeddedPostgresError> =>
  Effect.try({ try: evaluate, catch: fromCause(dataDir) })

const explain = (dataDir: string, cause: unknown): string => {
  const { code, message } = cause as NodeJS.ErrnoException
  switch (code) {
    case "EACCES":
    case "EPERM":
      return `This account may not use the data folder ${dataDir} (${message}): give the folder to it with chown -R, name another one with --data, ${useYourOwn}`
    case "EROFS":
    case "ENOSPC":
    case "EDQUOT":
      return `The data folder ${dataDir} cannot be written (${message}): make room, name another one with --data, ${useYourOwn}`
    default:
      return `The embedded PostgreSQL in ${dataDir} cannot be started: ${message ?? String(cause)}; mend that, ${useYourOwn}`
  }
}
