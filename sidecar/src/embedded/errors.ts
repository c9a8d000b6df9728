/** What can go wrong with the embedded PostgreSQL: each says what to do. */
import * as Data from "effect/Data"

/** What every message ends with, where there is another way. */
export const useYourOwn = "or use a PostgreSQL of your own: set DATABASE_URL=postgres://user:password@host:5432/database"

/** The embedded PostgreSQL cannot run here, or did not start. */
export class EmbeddedPostgresError extends Data.TaggedError("EmbeddedPostgresError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** Another sidecar runs on this data folder. */
export class DataFolderInUse extends Data.TaggedError("DataFolderInUse")<{
  readonly folder: string
  readonly pid: number
}> {
  override get message() {
    return `The data folder ${this.folder} is in use by another sidecar (process ${this.pid}): stop that one, or give this one a folder of its own with --data`
  }
}
