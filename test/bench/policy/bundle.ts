/** What a policy adds to a page or a function: minified by esbuild, compressed by gzip. */
import { build } from "esbuild"
import { gzipSync } from "node:zlib"
import { join } from "node:path"
import { root } from "../harness/machine.ts"

export interface Bundle {
  readonly subject: string
  readonly entry: string
  readonly bytes: number
}

/** Bytes after gzip that ours may have. */
export const limit = 15_000

const entries: Readonly<Record<string, string>> = {
  outrigger: 'export { createOutrigger } from "@outrigger/sdk/promise"',
  cockatiel: 'export { bulkhead, circuitBreaker, ConsecutiveBreaker, ExponentialBackoff, handleAll, retry, timeout, wrap } from "cockatiel"',
  opossum: 'export { default } from "opossum"',
  "p-retry": 'export { default } from "p-retry"'
}

export const bundle = async (subject: string, conditions: ReadonlyArray<string>): Promise<Bundle> => {
  const entry = entries[subject]!
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: join(root, "test") },
    bundle: true, minify: true, format: "esm", platform: "node", target: "node20", write: false, legalComments: "none", logLevel: "warning",
    conditions: [...conditions]
  })
  return { subject, entry, bytes: gzipSync(outputFiles[0]!.contents, { level: 9 }).length }
}

export const bundles = (conditions: ReadonlyArray<string>): Promise<ReadonlyArray<Bundle>> =>
  Promise.all(Object.keys(entries).map((subject) => bundle(subject, conditions)))
