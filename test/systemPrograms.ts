/**
 * Programs of the system that some tests start. Where one is missing those tests are left out, and it is said; the continuous
 * integration, which installs them, leaves out nothing.
 */
import { existsSync } from "node:fs"

interface SystemProgram {
  readonly name: string
  /** The Debian package. */
  readonly from: string
  readonly path: string
  readonly tests: ReadonlyArray<string>
}

const programs: ReadonlyArray<SystemProgram> = [
  { name: "PgBouncer", from: "pgbouncer", path: "/usr/sbin/pgbouncer", tests: ["packages/postgres/test/pooler.test.ts", "sidecar/test/pooler.test.ts"] },
  { name: "a PostgreSQL of the system", from: "postgresql", path: "/usr/lib/postgresql", tests: ["packages/postgres/test/debian.test.ts"] }
]

/** The test files that cannot run here. */
export const leftOut = (): ReadonlyArray<string> => {
  if (process.env["CI"] !== undefined) return []
  const missing = programs.filter(({ path }) => !existsSync(path))
  for (const { from, name, tests } of missing) console.log(`Without ${name} (apt-get install ${from}) these tests are left out: ${tests.join(", ")}`)
  return missing.flatMap(({ tests }) => tests)
}
