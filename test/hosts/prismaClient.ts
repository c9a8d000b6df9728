/**
 * A Prisma client without models: what `prisma generate` writes for an empty schema, less its types. Prisma's own CLI is 250 MB, and
 * fetches an engine before it generates, though the client that it generates needs none.
 */
import { createRequire } from "node:module"
import { getPrismaClient } from "@prisma/client/runtime/client"
import type { PrismaPg } from "@prisma/adapter-pg"

/** The part of it that needs no model. */
export interface PrismaClient {
  $queryRawUnsafe<A>(text: string, ...values: ReadonlyArray<unknown>): Promise<A>
  $transaction<A>(body: (tx: PrismaClient) => Promise<A>): Promise<A>
  $disconnect(): Promise<void>
}

const load = createRequire(import.meta.url)
/** Node's types leave it to a browser's. */
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Module: new (bytes: Buffer) => object } }

const Generated = getPrismaClient({
  previewFeatures: [],
  clientVersion: "7.10.0",
  engineVersion: "none",
  activeProvider: "postgresql",
  inlineSchema: 'generator client {\n  provider = "prisma-client"\n}\n\ndatasource db {\n  provider = "postgresql"\n}\n',
  runtimeDataModel: { models: {}, enums: {}, types: {} },
  parameterizationSchema: { strings: [], graph: "AAAA" },
  compilerWasm: {
    getRuntime: async () => load("@prisma/client/runtime/query_compiler_fast_bg.postgresql.js"),
    getQueryCompilerWasmModule: async () =>
      new WebAssembly.Module(Buffer.from(load("@prisma/client/runtime/query_compiler_fast_bg.postgresql.wasm-base64.js").wasm, "base64")),
    importName: "./query_compiler_fast_bg.js"
  }
})

export const prismaClient = (adapter: PrismaPg): PrismaClient => new Generated({ adapter }) as unknown as PrismaClient
