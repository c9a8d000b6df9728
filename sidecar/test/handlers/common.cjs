// What another copy of the SDK, or its CommonJS build, makes: known by its brand alone.
const definition = {
  name: "common", version: 1, queue: "default", priority: 5, timeout: 60_000, needs: [],
  retry: { times: 0, base: 10, factor: 2, max: 10, jitter: "none" }
}
module.exports = [{ "~outrigger/TaskHandler": 1, definition, run: async () => "from CommonJS" }]
