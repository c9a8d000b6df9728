/** The lock file of PostgreSQL, `postmaster.pid`: who is at work in a cluster, where, and how far. */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Cluster } from "./cluster.ts"

export interface PostmasterPid {
  /** Not a number when a crash of the machine left the file empty. */
  readonly pid: number
  readonly port: number
  /** It takes connections. */
  readonly ready: boolean
}

/** Line 1 is the number of the process, line 4 the port, line 8 the state. */
export const parse = (text: string): PostmasterPid => {
  const lines = text.split("\n")
  return { pid: Number(lines[0]?.trim() || Number.NaN), port: Number(lines[3]), ready: lines[7]?.trim() === "ready" }
}

/** Undefined when there is none. */
export const read = (cluster: Cluster): PostmasterPid | undefined => {
  try {
    return parse(readFileSync(file(cluster), "utf8"))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

/** Only when it is certain that no postmaster lives: two in one cluster destroy it. */
export const remove = (cluster: Cluster): void => rmSync(file(cluster), { force: true })

const file = ({ folder }: Cluster): string => join(folder, "postmaster.pid")
