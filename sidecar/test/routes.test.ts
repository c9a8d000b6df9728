import * as OpenApi from "effect/http-api/OpenApi"
import { assert, describe, it } from "vitest"
import { SidecarApi } from "@outrigger/sdk/SidecarApi"
import { matchRoute, printRoutes, routes } from "../src/agent/http/routes.ts"

describe("the manifest of routes", () => {
  it("has every endpoint of the API, and no other under /v1", () => {
    const defined = Object.entries(OpenApi.fromApi(SidecarApi).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`))
    const listed = routes.filter(({ path }) => path.startsWith("/v1")).map(({ method, path }) => `${method} ${path}`)
    assert.sameMembers(listed, defined)
  })

  it("lets nobody change anything by GET, and opens the probes alone", () => {
    for (const { method, path, right } of routes) {
      if (right === "submit" || right === "operate") assert.notStrictEqual(method, "GET", path)
      if (right === "open") assert.include(["/livez", "/readyz", "/startupz", "/health"], path)
    }
  })

  it.each(["/livez/", "//livez", "/%6Civez", "/livez/..", "/LIVEZ", "/x/livez", "livez", "", "/v1/tasks//cancel", "*"])("does not know %s", (path) => {
    assert.strictEqual(matchRoute("GET", path)._tag, "NotFound")
  })

  it("is printed for --verbose", () => {
    assert.include(printRoutes(), "operate  POST   /v1/tasks/:id/cancel")
  })
})
