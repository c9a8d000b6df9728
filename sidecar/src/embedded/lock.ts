/** One sidecar for one data folder: a lock file that names its owner, so that a killed run leaves no riddle behind. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DataFolderInUse } from "./errors.ts"
import { birthOf } from "./processes.ts"

interface Owner {
  readonly pid: number
  readonly birth: string | undefined
}

const read = (file: string): Owner | undefined => {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner
  } catch {
    return undefined
  }
}

const isAlive = ({ birth, pid }: Owner): boolean => {
  const now = birthOf(pid)
  return now !== undefined && now === birth
}

/** Takes the folder; throws `DataFolderInUse`. The returned function gives it back. */
export const lockFolder = (folder: string): () => void => {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, "agent.lock")
  const mine = join(folder, `agent.lock.${process.pid}`)
  writeFileSync(mine, JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) } satisfies Owner))
  try {
    for (;;) {
      try {
        linkSync(mine, file) // atomic, and fails when there is one
        return () => rmSync(file, { force: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
      }
      const owner = read(file)
      if (owner !== undefined && isAlive(owner)) throw new DataFolderInUse({ folder, pid: owner.pid })
      setAside(file)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** A dead owner's lock goes by renaming: of two who find it, one wins, and the other finds the winner's. */
const setAside = (file: string): void => {
  const aside = `${file}.stale.${process.pid}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  const owner = read(aside)
  if (owner !== undefined && isAlive(owner)) renameSync(aside, file) // somebody was faster: put it back
  else rmSync(aside, { force: true })
}
